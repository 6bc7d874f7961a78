#pragma once
// The stamp: for which database, of which cluster, jobs may run.

namespace ayb {

enum class Stamp { fits, missing, other };

// Compares the stamp with this database. One that replication has brought beside our own makes it
// another one's copy. Inside a transaction.
Stamp read_stamp();

// Inside the books: stamps this database.
void write_stamp();

// Inside a row trigger, for a new row: where it was brought from elsewhere (rows_are_brought()) it
// is a copy of what may run there, so the stamp goes with this transaction. Nothing is claimed from
// now on.
void mistrust_brought_row();

// Lets jobs run here, whatever was brought.
void adopt_database();

// Claims are held back no more, by drain() or by what was brought.
void end_drain();

// Raises 55000 where the stamp doesn't fit: only adopt() may let a copy's jobs run.
void refuse_in_copy();

} // namespace ayb
