#pragma once
// How a session waits: in a procedure, on its latch. It commits the transaction that it was called
// in, and while it sleeps it is in one that has neither a snapshot nor an id, so that it holds back
// nobody.
#include "waiters/waiters.hpp"

namespace ayb {

// Raises where `procedure` can't wait: 25001 in a transaction block or below a function, 25006 on a
// standby, 55000 where the library isn't preloaded.
void require_waiting(FunctionCallInfo fcinfo, const char *procedure);

// Until when, by the real clock: the time in argument `number`, but at most nine tenths of
// statement_timeout. 22004, 22023.
TimestampTz wait_until(FunctionCallInfo fcinfo, int number);

// Runs `wait`, which may call what follows. However it ends, leave_waiters() is called.
void in_waiting(void (*wait)(void *context), void *context);

// Raises 53400 where there was no place left for the current role.
void require_entered(Entry entry);

// Commits, and begins a transaction that reads what is committed.
void begin_anew();

// Has the scheduler wake somebody at `next`, if that would sleep longer.
void tell_scheduler(TimestampTz next);

// Sleeps until the latch is set, or for a second where no scheduler would see to that; false once
// the time is over. Raises what interrupts it: a cancel, or 57P01 where the process is to end or
// the database is wanted for itself.
bool sleep_a_while(TimestampTz until);

// Whether nobody but this process sees what comes due.
bool is_alone();

// Sleeps until `stirred()`, or it is time to look all the same; false once the time is over.
template <typename Stirred> bool sleep_until_stirred(TimestampTz until, Stirred stirred) {
    bool left = true;
    bool look = stirred();
    while (left && !look) {
        left = sleep_a_while(until);
        look = stirred() || is_alone();
    }
    return left;
}

} // namespace ayb
