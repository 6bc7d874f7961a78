#pragma once
// The idempotency keys of canceled jobs, which are free: one that is run again takes its key again.
#include "pg/sql.hpp"

namespace ayb {

// Inside the books, before canceled jobs, whose rows are locked, are queued again. Each has its key
// afterwards, and nobody else can take it; or none, where another job has it by now, and a NOTICE
// says how many these are. So nobody's index refuses what follows.
void take_keys_again(UuidArray canceled);

} // namespace ayb
