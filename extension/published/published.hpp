#pragma once
// A table that is enabled, as this process knows it: by the trigger that captures its rows, which
// is all that says that it is enabled. The trigger's arguments are the columns that records have.
#include "pg/postgres.hpp"
#include "feed/feeds.hpp"
#include "published/trigger.hpp"

namespace ayb {

// For the trigger on a table, or its copy on a partition. Valid until the next call, or until
// invalidations are accepted.
struct Published {
    Oid trigger;
    Oid table;    // the one that was enabled
    uint64 stamp; // of its definition
    TupleDesc shape;
    TupleConversionMap *map; // from the partition's shape; null where it is the same
    AttrNumber keys[INDEX_MAX_KEYS];
    int key_count; // 0: there is no primary key any more
    int feed;      // its place, or -1, as of `made`
    uint32 made;
};

// Of the relation that is written, under the writer's lock. Null where the enabled table is just
// being changed. May raise.
Published *published(Relation relation, const Trigger *trigger);

// Whether anybody listens, as of the statement's start.
bool is_heard(Published *table);

// The table that was enabled, whose trigger this is, or is a copy of; InvalidOid where it is gone.
Oid enabled_table(Oid trigger);

// Grows with each relation that this process has heard to have changed.
uint64 relation_changes();

// The trigger that says that the open table is enabled, palloc'd; null where it isn't.
const Trigger *capturing_trigger(Relation table);

// The columns of its primary key, in the index's order; returns how many.
int primary_key(Relation table, AttrNumber *keys);

// A number for all that decides what a record is and who sees it: columns, policies, owner, grants,
// the primary key, the columns that are published.
uint64 stamp_of(Relation table, const Trigger *trigger);

// The same, and numbers for its partitions and their files.
Definition definition_of(Relation table, const Trigger *trigger);

// Has this process forget tables that change.
void install_published_callbacks();

} // namespace ayb
