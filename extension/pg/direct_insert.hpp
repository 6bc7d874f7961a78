#pragma once
// Rows of the engine's own making, put into a table without a statement.
//
// A statement reads every CHECK and every index's condition anew from its text, each time: two
// thirds of what a single INSERT into job_queue costs. Here they are prepared once, and kept until
// the table changes. All of them are evaluated for each row, and every index gets its entry. Only
// triggers aren't fired: the caller names those whose work it does itself, or that pass its rows
// by.
//
// Where anything stands on the table that a statement alone does justice to, this way is closed,
// and the caller runs the statement: another trigger, a rule or foreign key that a row would meet,
// columns that are not the expected ones, an index that isn't a plain B-tree, or a user's code in a
// check or an index.
#include "pg/postgres.hpp"

namespace ayb {

struct DirectColumn {
    const char *name;
    Oid type;
    bool filled; // false: it is NULL in every row, so no foreign key on it has to be looked up
};

struct PreparedChecks;

// One a table, static: what it must look like, and what is kept of it. The latter is empty at
// first.
struct DirectTable {
    const char *name;            // in the schema ayb_jobs
    const char *const *triggers; // that needn't be fired, and have a function there; null ends them
    const DirectColumn *columns;
    int count;

    Oid oid;
    bool valid;               // what follows is of the table as it is now
    PreparedChecks *prepared; // null where the way is closed
    MemoryContext memory;
    DirectTable *next; // of all that were ever opened
};

// Rows on their way into it.
struct DirectRows {
    DirectTable *table;
    PreparedChecks *prepared;
    Relation relation;
    Relation *indexes; // null for one that no row has met yet
    TupleTableSlot *slot;
    CommandId command;
};

// False where the way is closed; then nothing else is to be called. Raises what INSERT would raise
// in a read-only transaction (25006).
bool open_direct(DirectTable *table, DirectRows *rows);

// One value a column. Raises 23505, 23514 and whatever else a table's constraints raise.
void insert_direct(DirectRows *rows, const Datum *values, const bool *nulls);

// From here on the rows are visible to the transaction's next command.
void close_direct(DirectRows *rows);

// Has changes of the tables noticed.
void install_direct_callbacks();

} // namespace ayb
