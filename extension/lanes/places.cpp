#include "lanes/places.hpp"

#include "pg/settings.hpp"

namespace ayb {

namespace {

struct PlaceKey {
    uint64 database;
    core::Uuid job;
};

struct Place {
    PlaceKey key; // must be first
    uint64 type;
    int run;
    uint64 reservation; // that holds it, while the claim isn't committed; else 0
    int index;          // of that among its transaction's
};

// What this transaction has reserved.
struct Reserved {
    uint64 number;
    LimitKey limit;
    core::Uuid job;
    int starts; // that are not settled yet
};

HTAB *g_places;

Reserved *g_reserved; // in TopTransactionContext
int g_reserved_count;
int g_reserved_room;

Place *place_at(const LimitKey &limit, const core::Uuid &job, HASHACTION action, bool *found) {
    const PlaceKey key{limit.database, job};
    return static_cast<Place *>(hash_search(g_places, &key, action, found));
}

void free_place(Limit *limit, const core::Uuid &job) {
    place_at(limit->key, job, HASH_REMOVE, nullptr);
    limit->places--;
}

// Null where it is another transaction's, or nobody's.
Reserved *reservation_of(const Place &place) {
    if (place.reservation == 0 || place.index >= g_reserved_count)
        return nullptr;
    Reserved *reserved = &g_reserved[place.index];
    const bool ours = reserved->number == place.reservation && reserved->limit.type == place.type;
    return ours ? reserved : nullptr;
}

Reserved *reservation_of(const LimitKey &key) {
    for (int i = 0; i < g_reserved_count; i++)
        if (g_reserved[i].limit.type == key.type)
            return &g_reserved[i];
    return nullptr;
}

void start_one(Limit *limit, Reserved *reserved, TimestampTz now) {
    if (limit->rule.starts == 0)
        return;
    if (reserved != nullptr && reserved->starts > 0)
        reserved->starts--;
    else
        limit->window.reserve();
    limit->window.start(now, limit->rule.per);
}

// The run is committed. Nobody has reserved a place for one that was written by hand.
void begin_run(Limit *limit, const PlaceChange &change, TimestampTz now) {
    bool found = false;
    Place *place = place_at(limit->key, change.job, HASH_ENTER_NULL, &found);
    if (place == nullptr) {
        limit->full = true;
        limit->counted = false;
        return;
    }
    if (found && place->run > change.run)
        return;
    limit->places += found ? 0 : 1;
    Reserved *reserved = found ? reservation_of(*place) : nullptr;
    *place = Place{place->key, limit->key.type, change.run, 0, 0};
    limit->changes++;
    start_one(limit, reserved, now);
}

// A later run has a place of its own, which a callback that comes late must not free. Whoever
// counts may have seen one run that has none yet.
void end_run(Limit *limit, const PlaceChange &change) {
    limit->changes++;
    const Place *place = place_at(limit->key, change.job, HASH_FIND, nullptr);
    if (place != nullptr && place->run <= change.run)
        free_place(limit, change.job);
}

// What was reserved and does not run.
void release(const Reserved &reserved, TimestampTz now, Opened *opened) {
    Limit *limit = limit_at(reserved.limit);
    if (limit == nullptr)
        return;
    const Place *place = place_at(reserved.limit, reserved.job, HASH_FIND, nullptr);
    if (place != nullptr && place->reservation == reserved.number)
        free_place(limit, reserved.job);
    for (int i = 0; i < reserved.starts; i++)
        limit->window.release();
    refresh(limit, now, opened);
}

void make_room_for_reservation() {
    if (g_reserved_count < g_reserved_room)
        return;
    const int room = Max(8, 2 * g_reserved_room);
    const Size bytes = room * sizeof(Reserved);
    g_reserved = static_cast<Reserved *>(g_reserved == nullptr
                                             ? MemoryContextAlloc(TopTransactionContext, bytes)
                                             : repalloc(g_reserved, bytes));
    g_reserved_room = room;
}

int by_job(const void *one, const void *other) {
    const core::Uuid &a = static_cast<const RunningRow *>(one)->job;
    const core::Uuid &b = static_cast<const RunningRow *>(other)->job;
    return a < b ? -1 : static_cast<int>(b < a);
}

// Places of jobs that don't run any more.
void drop_ended(Limit *limit, const RunningRow *rows, int count) {
    HASH_SEQ_STATUS scan;
    hash_seq_init(&scan, g_places);
    while (auto *place = static_cast<Place *>(hash_seq_search(&scan))) {
        const bool ours = place->key.database == limit->key.database &&
                          place->type == limit->key.type && place->reservation == 0;
        const RunningRow wanted{place->key.job, 0};
        if (ours &&
            (count == 0 || bsearch(&wanted, rows, count, sizeof(RunningRow), by_job) == nullptr))
            free_place(limit, place->key.job);
    }
}

void enter_running(Limit *limit, const RunningRow *rows, int count) {
    for (int i = 0; i < count && !limit->full; i++) {
        bool found = false;
        Place *place = place_at(limit->key, rows[i].job, HASH_ENTER_NULL, &found);
        limit->full = place == nullptr;
        if (place == nullptr || found)
            continue;
        *place = Place{place->key, limit->key.type, rows[i].run, 0, 0};
        limit->places++;
    }
}

} // namespace

Size places_size() { return hash_estimate_size(settings::max_places, sizeof(Place)); }

void init_places() {
    g_places =
        shared_table("ayb_jobs places", settings::max_places, sizeof(PlaceKey), sizeof(Place));
}

void remove_limit(const LimitKey &key, uint64 generation, Opened *opened) {
    with_limit(key, [&](Limit &limit, TimestampTz now) {
        if (limit.closed_by >= generation)
            return;
        limit.counted = true;
        limit.rule = LimitRule{};
        refresh(&limit, now, opened);
        drop_ended(&limit, nullptr, 0);
        erase_limit(key);
    });
}

bool count_limit(const LimitKey &key, uint64 mark, RunningRow *rows, int count, Opened *opened) {
    bool good = true;
    qsort(rows, count, sizeof(RunningRow), by_job);
    with_limit(key, [&](Limit &limit, TimestampTz now) {
        good = limit.changes == mark;
        if (!good)
            return;
        limit.full = false;
        drop_ended(&limit, rows, count);
        enter_running(&limit, rows, count);
        limit.counted = good = !limit.full;
        refresh(&limit, now, opened);
    });
    return good;
}

bool reserve_place(const char *type, const core::Uuid &job, int run) {
    if (!any_limits())
        return true;
    make_room_for_reservation();
    const LimitKey key = limit_key(type);
    bool good = true;
    with_limit(key, [&](Limit &limit, TimestampTz now) {
        Opened opened{};
        bool found = false;
        good = places_are_free(limit) && starts_are_free(&limit, now);
        Place *place = good ? place_at(key, job, HASH_ENTER_NULL, &found) : nullptr;
        limit.full = limit.full || (good && place == nullptr);
        good = place != nullptr;
        if (!good)
            return;
        // One that is still there is another transaction's whose callback comes late: it is ours.
        *place = Place{place->key, key.type, run, ++limit.reservations, g_reserved_count};
        limit.places += found ? 0 : 1;
        const bool counts = limit.rule.starts > 0;
        if (counts)
            limit.window.reserve();
        g_reserved[g_reserved_count++] = {limit.reservations, key, job, counts ? 1 : 0};
        refresh(&limit, now, &opened); // nobody waits for what is open
    });
    return good;
}

bool reserve_start(const char *type) {
    if (g_reserved_count == 0)
        return true;
    const LimitKey key = limit_key(type);
    Reserved *reserved = reservation_of(key);
    if (reserved == nullptr)
        return true;
    bool good = true;
    with_limit(key, [&](Limit &limit, TimestampTz now) {
        good = starts_are_free(&limit, now);
        if (!good || limit.rule.starts == 0)
            return;
        Opened opened{};
        limit.window.reserve();
        reserved->starts++;
        refresh(&limit, now, &opened);
    });
    return good;
}

void note_start(const char *type) {
    if (g_reserved_count == 0)
        return;
    const LimitKey key = limit_key(type);
    Reserved *reserved = reservation_of(key);
    if (reserved != nullptr)
        with_limit(key, [&](Limit &limit, TimestampTz now) { start_one(&limit, reserved, now); });
}

bool has_reserved() { return g_reserved_count > 0; }

bool has_asked() { return g_reserved != nullptr; }

void settle_places(const PlaceChange *changes, int count, Opened *opened) {
    if (count > 0 || g_reserved_count > 0)
        with_limits([&](TimestampTz now) {
            for (int i = 0; i < count; i++) {
                Limit *limit = limit_at(changes[i].limit);
                if (limit == nullptr)
                    continue;
                if (changes[i].runs)
                    begin_run(limit, changes[i], now);
                else
                    end_run(limit, changes[i]);
                refresh(limit, now, opened);
            }
            for (int i = 0; i < g_reserved_count; i++)
                release(g_reserved[i], now, opened);
        });
    g_reserved = nullptr;
    g_reserved_count = g_reserved_room = 0;
}

} // namespace ayb
