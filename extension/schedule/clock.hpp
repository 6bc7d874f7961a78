#pragma once
// What a clock that was wrong has left in the tables.
#include "pg/postgres.hpp"

namespace ayb {

// The clock was set back to `now` by more than an hour: schedules that ticked or were changed later
// than that have their next tick computed anew, leases and back-offs that began later begin now.
// What somebody has locked stays. In a transaction of its own.
void forget_future(TimestampTz now);

} // namespace ayb
