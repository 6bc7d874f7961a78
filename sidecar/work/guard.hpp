#pragma once
// The process between us and a program. It is the subreaper of all that the program starts: so it
// knows these, also where they left the program's group, and ends them when the program has ended,
// when it is told to, and when we are gone.
#include "work/launch.hpp"

#include <csignal>

namespace ayb::work {

// The ends of the program's pipes, and of the one that says how it ended.
struct Ends {
    int in, out, err, news;
};

// What is written there: of several, the first counts.
struct News {
    int start_error; // errno, where the program couldn't be started
    int status;      // as waitpid() gives it
};

// What it is told by: to ask the program to end (SIGTERM), and to end everything.
inline constexpr int kAsk = SIGTERM;
inline constexpr int kEnd = SIGUSR1;

// Behind the fork of `parent`, in the child, with all signals blocked. Calls nothing that isn't
// async-signal-safe, and ends when nobody is left.
// Descriptors from 4 on are given to it: see fill_low_descriptors().
[[noreturn]] void guard(pid_t parent, const Launch &launch, char *const *environment,
                        const Ends &ends);

} // namespace ayb::work
