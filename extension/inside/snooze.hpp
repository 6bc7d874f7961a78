#pragma once
// What a handler has said by snooze(): that its run was a step, after which the job goes on later.
// It belongs to the transaction, and the subtransaction, in which it was said: what is rolled back
// takes it along. The last one counts.
#include <optional>

#include "base/job.hpp"

namespace ayb {

// Forgets what was said. Called before each run of a handler, and before one in a group.
void forget_snooze();

// What stands of it, its payload in memory of this room until it is forgotten; none where the job
// is to complete. Raises nothing.
std::optional<Snooze> said_snooze();

// The same, with the payload in `context`. Adds its bytes to `*bytes`.
std::optional<Snooze> copied_snooze(MemoryContext context, Size *bytes);

} // namespace ayb
