#pragma once
// Workers outside, as leased rows and shared memory show them: nobody keeps a list.
#include "base/answer.hpp"

namespace ayb {

// Adds a row of workers() for each that holds jobs of a role that `me` sees, or is of such a role,
// and for each session of such a role that waits for jobs.
void put_outside(const Viewer &me, ReturnSetInfo *result);

} // namespace ayb
