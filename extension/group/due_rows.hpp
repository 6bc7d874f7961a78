#pragma once
// The due rows of a lane in the order in which they are claimed, read along the claim index without
// SQL: a group looks at each row before it decides to lock it, and passes over what goes by lease.
#include "memory/floor.hpp"

namespace ayb {

struct DueScan {
    Relation table;
    Relation index;
    IndexScanDesc scan;
    Position from;
    TransactionId met; // has rows locked that were passed over
    ScanKeyData parts[2];
    TupleTableSlot *row;    // what next_due_row() found
    TupleTableSlot *locked; // the same, as lock_due_row() saw it
};

// Opens the scan of what is due until an instant, from a place on, for the active snapshot. False
// where the index can't be used, and nothing is open then.
bool open_due_rows(DueScan *scan, Oid role, const Position &from, TimestampTz until);

// Where the row is that was found.
Position position_of(const DueScan &scan);

// The next row that the snapshot shows as queued, locked by somebody or not.
bool next_due_row(DueScan *scan);

// Locks that row as FOR UPDATE SKIP LOCKED does. False where somebody else has it, or had.
bool lock_due_row(DueScan *scan);

// The table stays locked until the transaction ends, as after any statement.
void close_due_rows(DueScan *scan);

} // namespace ayb
