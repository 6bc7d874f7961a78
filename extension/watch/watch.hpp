#pragma once
// Watches of health(): jobs that tell of checks which have turned bad or well again.
#include "pg/postgres.hpp"

namespace ayb {

// In transactions of its own, the scheduler's: looks at health(), if anybody watches it, and
// enqueues a job for each watch and each of its checks that has turned since it was told last. What
// was told commits with the jobs: so there is one for each turn, whoever looks, and however often.
void tell_watches(TimestampTz now);

} // namespace ayb
