#pragma once

namespace ayb::work {

// Ends all that became children of this process, and theirs, whom it gets as their subreaper.
// Gives up after some seconds on who can't be ended. Calls nothing that isn't async-signal-safe.
void end_children();

} // namespace ayb::work
