#pragma once
#include "pg/postgres.hpp"

namespace ayb {

// A table of entries that begin with an oid, their key; kept as long as the process.
inline HTAB *new_table_by_oid(const char *name, Size entry) {
    HASHCTL control{};
    control.keysize = sizeof(Oid);
    control.entrysize = entry;
    control.hcxt = CacheMemoryContext;
    return hash_create(name, 16, &control, HASH_ELEM | HASH_BLOBS | HASH_CONTEXT);
}

} // namespace ayb
