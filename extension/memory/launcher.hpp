#pragma once
// The launcher as others see it, and its mail. One for the whole server, guarded by a spinlock of
// its own.
#include "memory/part.hpp"
#include "memory/pulse.hpp"

namespace ayb {

inline constexpr int kMaxProbes = 32;

// What the launcher is told. It takes all of it at one instant: so a database that was reported
// absent before somebody asked for it is never noted as absent after that.
struct LauncherMail {
    Oid probes[kMaxProbes]; // to be looked at
    int probe_count;
    bool probe_all;
    Oid absent[kMaxProbes]; // were probed and don't have the extension
    int absent_count;
};

Size launcher_size();
void init_launcher();

// The launcher says that it is there, and that it isn't any more.
void enter_launcher();
void leave_launcher();

pid_t launcher_pid(); // 0 where there is none
const Pulse &launcher_pulse();

// Since when no process could be had for a scheduler; 0 where one could. Written by the launcher
// alone, and read without the lock.
TimestampTz *launcher_no_slot_since();

// Asks the launcher to look at this database (InvalidOid: at all of them), at once. Does nothing
// where the library was not preloaded.
void request_probe(Oid database);

// A scheduler says that its database doesn't have the extension; the launcher takes note. It has to
// look once more after that, and ask for a probe if the extension came in the meantime.
void report_absent(Oid database);

// A scheduler left: the launcher starts another if one is wanted.
void wake_launcher();

// Takes what the launcher was told since it last asked.
void take_mail(LauncherMail *mail);

} // namespace ayb
