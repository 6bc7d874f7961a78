#pragma once

namespace ayb {

// Tells the session where nothing runs jobs: the library is not preloaded, ayb_jobs.enabled is off,
// or the database is a copy or was restored. Once; until then each call looks again.
void notice_if_nothing_runs();

} // namespace ayb
