#pragma once
// What the scheduler does for those who wait (wait_for_jobs()): jobs that come due by time, by a
// retry or because a limit opens have no commit that would wake somebody; and who was woken may
// never claim.
#include "memory/databases.hpp"

namespace ayb {

// Wakes one for each job that is due and was left. In transactions of its own. Returns when to look
// again: DT_NOEND for when it is told (Database::waits).
TimestampTz wake_for_due(Database *database, TimestampTz now);

// Has everything looked at for them anew.
void look_for_waiters(Database *database);

} // namespace ayb
