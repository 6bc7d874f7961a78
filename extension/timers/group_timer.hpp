#pragma once
// The time limit of a group. While its job waits for somebody, the time of the clock counts; while
// it does not, only what the processor gave it: a job that is quick must not be cancelled because
// the machine is busy with others, which would make it busier.
#include "pg/postgres.hpp"

namespace ayb {

void install_group_timer();

// Arms the limit in milliseconds. When it is reached what runs is cancelled; a handler that traps
// that is ended, with its process, after twenty times as long: others wait for its rows.
void start_group_timer(int limit_ms);
void stop_group_timer();

// Whether the limit of the group that was stopped last, or runs, was reached.
bool group_timed_out();

} // namespace ayb
