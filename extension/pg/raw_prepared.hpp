#pragma once
// What a table is like that is written past SQL (raw_table.hpp), and what is kept between openings.
#include "pg/postgres.hpp"

namespace ayb {

// Who fills a column. One that is `later` is NULL in every row that is written this way, so no
// foreign key on it has to be looked up. What is `generated` whoever writes computes as the table
// would.
enum class RawFilled { at_enqueue, later, generated };

struct RawColumn {
    const char *name;
    Oid type;
    RawFilled filled;
};

struct PreparedTable {
    bool insertable; // else nothing below is set but `removable`
    bool removable;
    EState *estate;
    int check_count;
    const char **check_names;
    ExprState **checks;
    int index_count;
    Oid *indexes;
    IndexInfo **infos; // each with its condition prepared
};

// One a table, static: what it must look like, and what is kept of it.
struct RawTable {
    const char *name;            // in the schema ayb_jobs
    const char *const *triggers; // that needn't be fired, and have a function there; null ends them
    const RawColumn *columns;
    int count;

    // For a partitioned table these are of the partition that was opened last.
    Oid oid = InvalidOid;
    Oid parent = InvalidOid;
    bool valid = false; // what follows is of the table as it is now
    const PreparedTable *prepared = nullptr;
    MemoryContext memory = nullptr;
    RawTable *next = nullptr; // of all that were ever opened
};

// Looks the table over, which is open and locked, as is its parent unless that is null. What is
// prepared lives in the table's memory until it is prepared again.
void prepare_raw_table(RawTable *table, Relation relation, Relation parent);

} // namespace ayb
