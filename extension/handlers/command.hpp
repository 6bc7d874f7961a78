#pragma once
// Commands: one statement at top level, as psql would send it.
#include "pg/postgres.hpp"

namespace ayb {

// Raises unless the text is one statement that may run as a command: 42601 for bad or several
// statements, 0A000 for transaction control and for COPY from or to a client.
void check_statement(const char *sql);

// Runs the statement outside any transaction of ours (VACUUM, and a CALL that commits, work), with
// memory in `context`, which must outlive transactions. Returns its command tag, in `context`. An
// error leaves the transaction to be aborted by the caller.
const char *run_top_level(const char *sql, MemoryContext context);

} // namespace ayb
