#include "turns/counting.hpp"

extern "C" {
#include "catalog/pg_class.h"
#include "storage/lock.h"
}

namespace ayb {

namespace {

constexpr uint16 kPart = 20; // no part of a relation is locked as an object

LOCKTAG tag_of(const LimitKey &key) {
    LOCKTAG tag;
    SET_LOCKTAG_OBJECT(tag, static_cast<Oid>(key.database), RelationRelationId,
                       static_cast<Oid>(key.type), kPart);
    return tag;
}

} // namespace

// The lock first: a limit that isn't there then is counted after this transaction.
void hold_count(const LimitKey &key) {
    bool has_limit = false;
    if (any_limits())
        has_limit = with_limit(key, [](const Limit & /*limit*/, TimestampTz /*now*/) {});
    if (has_limit || !preloaded())
        return;
    const LOCKTAG tag = tag_of(key);
    LockAcquire(&tag, ShareLock, false, false);
}

bool may_count(const LimitKey &key) {
    const LOCKTAG tag = tag_of(key);
    if (LockAcquire(&tag, ExclusiveLock, false, true) == LOCKACQUIRE_NOT_AVAIL)
        return false;
    LockRelease(&tag, ExclusiveLock, false);
    return true;
}

} // namespace ayb
