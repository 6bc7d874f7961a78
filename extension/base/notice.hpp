#pragma once

namespace ayb {

// Tells the session, once, where nothing runs jobs: the library is not preloaded, or
// ayb_jobs.enabled is off.
void notice_if_nothing_runs();

} // namespace ayb
