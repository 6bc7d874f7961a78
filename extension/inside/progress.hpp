#pragma once
// How far a job is, as its handler or a worker outside says by set_progress().
#include "pg/postgres.hpp"

namespace ayb {

struct Progress {
    int percent;
    const char *note; // clipped; never null
};

// The percent in argument `number`, and the note in the next one. 22004, 22023. Palloc'd.
Progress progress_arguments(FunctionCallInfo fcinfo, int number);

} // namespace ayb
