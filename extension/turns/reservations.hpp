#pragma once
// What this transaction has reserved (places.hpp). Each place that is taken knows its reservation
// by number and index, and so does a key whose place a group has: so what has a place already is
// found without a search.
#include "turns/place_table.hpp"

namespace ayb {

struct Reserved {
    uint64 number;
    uint64 born; // of the limit
    LimitKey limit;
    Limit *entry; // of that, or another one's by now
    uint64 key;
    Place *place; // while that is this one's: place_of()
    core::Uuid job;
    bool counts;    // a place for the type
    bool rates;     // starts are counted; both as the rule was
    bool keys;      // places or starts of keys are
    int starts;     // that are not settled yet
    int key_starts; // the same, of the key
    Oid role;
};

// Room for another one, before the lock: may run out of memory (ereport). From then on this
// transaction has asked for a place, whether it got one or not, so that its end has to be told.
void make_room_for_reservation();
bool has_asked();

int reserved_count();
Reserved *reserved_at(int index);
Reserved *add_reservation();
void drop_last_reservation();
void forget_reservations(); // their memory goes with the transaction

// Null where it is another transaction's, or nobody's.
Reserved *reservation_of(const Place &place);
// The one that has the type's place, or that has the key's. Null where there is none.
Reserved *reservation_of(const LimitKey &limit);
Reserved *reservation_of(const Limit &limit, const KeyUse &use);
// The place, under the lock: null where it is another one's by now, or is free.
Place *place_of(const Reserved &reserved);

} // namespace ayb
