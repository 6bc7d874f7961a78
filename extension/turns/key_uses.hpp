#pragma once
// What the limits of a type leave to one of its keys: which run is known by their places
// (places.hpp), how many are there and how many start in a time by the key, for all roles together.
// A key that may not start is out of the rings until it may.
//
// All of it under Locks::limits, which the caller holds exclusively. Keys are known by a hash: two
// that are alike share a limit.
#include "core/window.hpp"
#include "turns/limits.hpp"
#include "turns/ring.hpp"

namespace ayb {

struct KeyUseTag {
    LimitKey limit;
    uint64 key; // its hash; 0 for none
};

struct KeyUse {
    KeyUseTag tag;      // must be first
    int places;         // reserved or running
    int index;          // of that, and
    uint64 reservation; // by which a group got one last (reservations.hpp)
    core::Window window;
    dlist_head blocked; // its entries in the rings
};

Size key_uses_size();
void init_key_uses();

// Null where there is none, or no room for one.
KeyUse *find_use(const LimitKey &limit, uint64 key);
KeyUse *make_use(const LimitKey &limit, uint64 key);

// How many there are, in all databases. A table that is full is swept first.
long used_keys(TimestampTz now);

// When one more may start: DT_NOBEGIN for now, DT_NOEND for when a place is left.
TimestampTz use_opens_at(const Limit &limit, KeyUse *use, TimestampTz now);

// What the key has come to, for those that wait in the rings. One that nothing is known of any more
// is gone then.
void refresh_use(const Limit &limit, KeyUse *use, TimestampTz now, Opened *opened);

// The rule has changed from that, or is gone.
void refresh_uses(const Limit &limit, const LimitRule &before, TimestampTz now, Opened *opened);

} // namespace ayb
