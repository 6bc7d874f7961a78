#pragma once
// Listeners that see the same: what an identity may see of some tables is asked for once for all
// of them.
#include "http/later.hpp"
#include "realtime/budget.hpp"
#include "realtime/listener.hpp"

#include <list>
#include <optional>

namespace ayb::realtime {

// Who asks to be let in, and waits for the answer.
struct Joiner {
    std::shared_ptr<Listener> listener;
    db::Parameter since; // the last that it was told, in another stream
    std::shared_ptr<http::Later> later;
};

struct Group {
    using Clock = std::chrono::steady_clock;

    std::string identity; // a JSON object of settings
    Tables tables;
    db::Parameter position;  // up to where all are told; nothing: from now on
    std::string begin_again; // why all have to fetch again as soon as there is a position
    std::list<std::shared_ptr<Listener>> listeners;
    std::list<Joiner> joiners;
    bool busy = false;    // a thread has it: nobody else touches position and listeners' places
    bool changed = false; // something has happened to its tables since it was asked
    Clock::time_point asked{};
    Clock::time_point not_before{}; // to be asked again, after trouble
};

} // namespace ayb::realtime
