#pragma once
// The table of places (places.hpp), and by what each is counted. All of it under Locks::limits,
// which the caller holds exclusively.
#include "core/uuid7.hpp"
#include "turns/key_uses.hpp"

namespace ayb {

struct PlaceKey {
    uint64 database;
    core::Uuid job;
};

struct Place {
    PlaceKey key_of_job; // must be first
    uint64 type;
    uint64 key;  // that counts it; 0 for none
    KeyUse *use; // of that
    int run;
    bool counts;        // for the type: a group's first one alone
    uint64 reservation; // that holds it, while the claim isn't committed; else 0
    int index;          // of that among its transaction's
};

Size places_size();
void init_places();

Place *place_at(const LimitKey &limit, const core::Uuid &job, HASHACTION action, bool *found);

// Counts the place of a run by its key, if that has to be. False where there is no room.
bool count_by_key(Limit *limit, Place *place, uint64 key);
// Nothing counts it any more, and nobody is told.
void uncount(Limit *limit, Place *place);

// The limit may be gone: null then. Who waits for the key is told.
void free_place(Limit *limit, Place *place, TimestampTz now, Opened *opened);

HTAB *place_table(); // for each_place_of() alone

// Calls `use(Place *)`, which may free it, for each place of a type.
template <typename Use> void each_place_of(const LimitKey &limit, Use use) {
    HASH_SEQ_STATUS scan;
    hash_seq_init(&scan, place_table());
    while (auto *place = static_cast<Place *>(hash_seq_search(&scan)))
        if (place->key_of_job.database == limit.database && place->type == limit.type)
            use(place);
}

} // namespace ayb
