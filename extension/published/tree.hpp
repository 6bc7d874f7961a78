#pragma once
// The partitions of an enabled table: which they are, and whether each of them captures its rows.
#include "pg/postgres.hpp"

namespace ayb {

struct Tree {
    uint64 tables; // a number for which they are, and for their copies of the trigger
    uint64 files;  // one for their files
    bool captures; // each has its copy of the trigger, as enable_realtime() made it
};

// Of the table and all that is below it, which is not locked. Kept as long as `changes`, which is
// relation_changes(), stays as it is. The caller has a snapshot.
Tree tree_of(Relation table, uint64 changes);

} // namespace ayb
