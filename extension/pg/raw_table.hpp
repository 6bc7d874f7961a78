#pragma once
// Access past SQL: rows of the engine's own making put into a table, known rows taken out of it,
// without a statement. (Ranges of an index are in raw_range.hpp.)
//
// A statement reads every CHECK and every index's condition anew from its text, each time: two
// thirds of what a single INSERT into job_queue costs. Here they are prepared once, and kept until
// the table changes. All of them are evaluated for each row, and every index gets its entry. Only
// triggers aren't fired: the caller names those whose work it does itself, or that pass its rows
// by.
//
// Where anything stands on the table that a statement alone does justice to, this way is closed,
// and the caller runs the statement. For rows that go in: another trigger, a rule or foreign key
// that a row would meet, columns that are not the expected ones, an index that isn't a plain
// B-tree, or a user's code in a check or an index. For rows that go out: another trigger, a rule.
//
// Locks are those that a statement takes, and are held to the end of the transaction where the way
// is open.
#include "pg/raw_prepared.hpp"

namespace ayb {

// Rows on their way into it.
struct RawRows {
    const RawTable *table;
    const PreparedTable *prepared;
    Relation relation;
    Relation *indexes; // null for one that no row has met yet
    TupleTableSlot *slot;
    TupleTableSlot **kept; // rows that are inserted together at the end
    int kept_count;
    CommandId command;
};

// False where the way is closed; then nothing else is to be called. Raises what INSERT would raise
// in a read-only transaction (25006).
bool open_raw(RawTable *table, RawRows *rows);

// The same for one partition of the table. The caller knows that the rows belong there, and keeps
// at most `room` of them.
bool open_raw_partition(RawTable *table, Oid partition, int room, RawRows *rows);

// One value a column. Raises 23505, 23514 and whatever else a table's constraints raise.
void insert_raw(RawRows *rows, const Datum *values, const bool *nulls);

// The same, but the row is only checked and copied now; close_raw() writes it: a page at a time.
void keep_raw(RawRows *rows, const Datum *values, const bool *nulls);

// From here on the rows are visible to the transaction's next command.
void close_raw(RawRows *rows);

// Rows on their way out, known by their places, which the transaction has locked.
struct RawRemoval {
    Relation relation;
    TupleTableSlot *row; // what read_raw() found, until the next call
};

// False where the way is closed; then nothing else is to be called.
bool open_raw_removal(RawTable *table, RawRemoval *removal);

// The row at a place. False where it is not there any more.
bool read_raw(RawRemoval *removal, ItemPointer place);

// Removes it. False where the transaction itself has changed it since it was locked.
bool remove_raw(RawRemoval *removal, ItemPointer place);

void close_raw_removal(RawRemoval *removal);

// Has changes of the tables noticed.
void install_raw_table_callbacks();

} // namespace ayb
