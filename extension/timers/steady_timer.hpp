#pragma once
// Timers that a signal handler may set, which PostgreSQL's own timeouts are not.
#include "pg/postgres.hpp"

#include <csignal>
#include <ctime>

namespace ayb {

// One that sends this process a signal, by a clock that nobody sets. Raises where there is none.
inline timer_t make_steady_timer(int signal) {
    timer_t timer;
    sigevent event{};
    event.sigev_notify = SIGEV_SIGNAL;
    event.sigev_signo = signal;
    if (timer_create(CLOCK_MONOTONIC, &event, &timer) != 0)
        ereport(ERROR, (errmsg("could not create a timer: %m")));
    return timer;
}

} // namespace ayb
