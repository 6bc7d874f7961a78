#pragma once
// The stamp: for which database, of which cluster, jobs may run.

namespace ayb {

enum class Stamp { fits, missing, other };

// Compares the stamp with this database. One that replication has brought beside our own makes it
// another one's copy. Inside a transaction.
Stamp read_stamp();

// Inside the books: stamps this database.
void write_stamp();

} // namespace ayb
