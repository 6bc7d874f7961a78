#pragma once
// The limits that are set, in force: the scheduler enters them, and counts what runs.
#include "memory/part.hpp"

namespace ayb {

// Enters what is set, and takes away what isn't any more. Before lanes are judged. In a transaction
// of its own.
void enter_limits();

// Counts what runs of the types whose limits aren't counted, once every worker that was about to
// claim has done so. When to go on; DT_NOEND where all are counted. In transactions of its own.
TimestampTz count_limits(TimestampTz now);

} // namespace ayb
