#pragma once
// A range of an index, read row by row without SQL: who reads looks at each row before locking it.
#include "pg/postgres.hpp"

namespace ayb {

struct RawRange {
    Relation table;
    Relation index;
    IndexScanDesc scan;
    ScanKeyData keys[6];
    int key_count;
    ScanKeyData columns[6]; // of bounds that are rows
    int column_count;
    TransactionId met;      // has rows locked that were passed over
    TupleTableSlot *row;    // what next_in_range() found
    TupleTableSlot *locked; // the same, as lock_in_range() saw it
};

// One column of a bound that is a row, in the index's order.
struct RawBound {
    RegProcedure order; // F_…_CMP
    Oid type;
    Datum value; // has to stay where it is while the range is open, as the range itself
};

// A B-tree of a table, both named as in the schema ayb_jobs. False where the index is missing or
// can't be used for every snapshot; nothing is open then.
bool open_range(RawRange *range, const char *table, const char *index);

// What bounds it, by the index's columns from 1 and a strategy of B-trees: one column against a
// value, by the function of that comparison; and a row of columns, of which `column` is the first,
// against bounds. Text is compared byte by byte.
void bound_range(RawRange *range, AttrNumber column, StrategyNumber strategy,
                 RegProcedure comparison, Datum value);
void range_compares(RawRange *range, StrategyNumber strategy, AttrNumber column,
                    const RawBound *bounds, int count);

// Then it is read, as the active snapshot shows it. It may be bounded and begun anew.
void begin_range(RawRange *range);
void unbound_range(RawRange *range);

// The next row that the snapshot shows, locked by somebody or not.
bool next_in_range(RawRange *range);

// Whether somebody else seems to have it locked.
bool is_taken(RawRange *range);

// Locks that row as FOR UPDATE SKIP LOCKED does. False where somebody else has it, or had.
bool lock_in_range(RawRange *range);

// The table stays locked (as for writing) until the transaction ends, as after any statement.
void close_range(RawRange *range);

} // namespace ayb
