#pragma once
// What an open relation's entry in the cache says that may go while it is open: any look into a
// catalog may hear that something of the relation changed, and the entry is made anew in its place.
// A lock holds off what conflicts with it, but an ANALYZE, or a partition that is attached, is
// heard of all the same.
#include "pg/postgres.hpp"

namespace ayb {

// A copy, palloc'd; null where there are none.
inline TriggerDesc *triggers_of(Relation relation) { return CopyTriggerDesc(relation->trigdesc); }

// InvalidOid where there is none. The field alone is unset by each change that is heard of.
inline Oid primary_index_of(Relation relation) {
    list_free(RelationGetIndexList(relation));
    return relation->rd_pkindex;
}

} // namespace ayb
