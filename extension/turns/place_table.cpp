#include "turns/place_table.hpp"

#include "pg/settings.hpp"

namespace ayb {

namespace {

HTAB *g_places;

}

Size places_size() { return hash_estimate_size(settings::max_places, sizeof(Place)); }

void init_places() {
    g_places =
        shared_table("ayb_jobs places", settings::max_places, sizeof(PlaceKey), sizeof(Place));
}

HTAB *place_table() { return g_places; }

Place *place_at(const LimitKey &limit, const core::Uuid &job, HASHACTION action, bool *found) {
    const PlaceKey key{limit.database, job};
    return static_cast<Place *>(hash_search(g_places, &key, action, found));
}

// A use is there while a place counts for it.
void uncount(Limit *limit, Place *place) {
    if (place->use != nullptr)
        place->use->places--;
    limit->places -= place->counts ? 1 : 0;
    place->counts = false;
    place->key = 0;
    place->use = nullptr;
}

void free_place(Limit *limit, Place *place, TimestampTz now, Opened *opened) {
    KeyUse *use = place->use;
    if (limit != nullptr)
        uncount(limit, place);
    place->reservation = 0; // whoever had that knows by it
    hash_search(g_places, &place->key_of_job, HASH_REMOVE, nullptr);
    if (limit != nullptr && use != nullptr)
        refresh_use(*limit, use, now, opened);
}

bool count_by_key(Limit *limit, Place *place, uint64 key) {
    if (key == 0 || place->key == key || !limit->rule.has_keys())
        return true;
    KeyUse *use = make_use(limit->key, key);
    if (use == nullptr)
        return false;
    use->places++;
    place->key = key;
    place->use = use;
    return true;
}

} // namespace ayb
