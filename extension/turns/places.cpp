#include "turns/places.hpp"

#include "memory/state.hpp"
#include "pg/settings.hpp"
#include "turns/place_table.hpp"
#include "turns/ring_table.hpp"

namespace ayb {

namespace {

constexpr int64 kWhileFull = kMicrosecondsPerSecond; // the next try of a key

// What this transaction has reserved.
struct Reserved {
    uint64 number;
    uint64 born; // of the limit
    LimitKey limit;
    uint64 key;
    core::Uuid job;
    bool counts;    // a place for the type
    int starts;     // that are not settled yet
    int key_starts; // the same, of the key
    Oid role;
};

Reserved *g_reserved; // in TopTransactionContext
int g_reserved_count;
int g_reserved_room;

// Null where it is another transaction's, or nobody's.
Reserved *reservation_of(const Place &place) {
    if (place.reservation == 0 || place.index >= g_reserved_count)
        return nullptr;
    Reserved *reserved = &g_reserved[place.index];
    const bool ours = reserved->number == place.reservation && reserved->limit.type == place.type;
    return ours ? reserved : nullptr;
}

// The one that has the type's place, or that has the key's. Null where there is none.
Reserved *reservation_of(const LimitKey &key) {
    for (int i = 0; i < g_reserved_count; i++)
        if (g_reserved[i].limit.type == key.type && g_reserved[i].counts)
            return &g_reserved[i];
    return nullptr;
}

Reserved *reservation_of(const LimitKey &limit, uint64 key) {
    for (int i = 0; i < g_reserved_count && key != 0; i++)
        if (g_reserved[i].limit.type == limit.type && g_reserved[i].key == key)
            return &g_reserved[i];
    return nullptr;
}

void settle_start(core::Window *window, int *reserved, TimestampTz now, int64 per) {
    if (reserved != nullptr && *reserved > 0)
        --*reserved;
    else
        window->reserve();
    window->start(now, per);
}

// `reserved` may be null, and so may `by_key`.
void start_one(Limit *limit, Reserved *reserved, Reserved *by_key, uint64 key, TimestampTz now,
               Opened *opened) {
    const LimitRule &rule = limit->rule;
    if (rule.starts > 0)
        settle_start(&limit->window, reserved != nullptr ? &reserved->starts : nullptr, now,
                     rule.per);
    KeyUse *use = rule.starts_per_key > 0 && key != 0 ? make_use(limit->key, key) : nullptr;
    if (use == nullptr)
        return;
    settle_start(&use->window, by_key != nullptr ? &by_key->key_starts : nullptr, now, rule.per);
    refresh_use(*limit, use, now, opened);
}

// The run is committed. Nobody has reserved a place for one that was written by hand.
void begin_run(Limit *limit, const PlaceChange &change, TimestampTz now, Opened *opened) {
    bool found = false;
    Place *place = place_at(limit->key, change.job, HASH_ENTER_NULL, &found);
    if (place == nullptr) {
        limit->full = true;
        limit->counted = false;
        return;
    }
    if (found && place->run > change.run)
        return;
    Reserved *reserved = found ? reservation_of(*place) : nullptr;
    const bool counted = found && place->counts;
    limit->places += counted ? 0 : 1;
    *place =
        Place{place->key_of_job, limit->key.type, found ? place->key : 0, change.run, true, 0, 0};
    if (!count_by_key(limit, place, change.key)) {
        limit->full = true;
        limit->counted = false;
    }
    limit->changes++;
    start_one(limit, reserved, reserved, change.key, now, opened);
}

// A later run has a place of its own, which a callback that comes late must not free. Whoever
// counts may have seen one run that has none yet.
void end_run(Limit *limit, const PlaceChange &change, TimestampTz now, Opened *opened) {
    limit->changes++;
    const Place *place = place_at(limit->key, change.job, HASH_FIND, nullptr);
    if (place != nullptr && place->run <= change.run)
        free_place(limit, *place, now, opened);
}

void release_starts(Limit *limit, const Reserved &reserved, TimestampTz now, Opened *opened) {
    for (int i = 0; i < reserved.starts; i++)
        limit->window.release();
    take_back_in_line(&limit->line, reserved.role, reserved.starts);
    KeyUse *use = reserved.key != 0 ? find_use(limit->key, reserved.key) : nullptr;
    for (int i = 0; use != nullptr && i < reserved.key_starts; i++)
        use->window.release();
    if (use != nullptr)
        refresh_use(*limit, use, now, opened);
}

// What was reserved and does not run. The starts first: without its place a key may be gone.
void release(const Reserved &reserved, TimestampTz now, Opened *opened) {
    Limit *limit = limit_at(reserved.limit);
    if (limit != nullptr && limit->born == reserved.born)
        release_starts(limit, reserved, now, opened);
    const Place *place = place_at(reserved.limit, reserved.job, HASH_FIND, nullptr);
    if (place != nullptr && place->reservation == reserved.number)
        free_place(limit, *place, now, opened);
    if (limit != nullptr)
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
void drop_ended(Limit *limit, const RunningRow *rows, int count, TimestampTz now, Opened *opened) {
    each_place_of(limit->key, [&](Place *place) {
        const RunningRow wanted{place->key_of_job.job, 0, 0};
        if (place->reservation == 0 &&
            (count == 0 || bsearch(&wanted, rows, count, sizeof(RunningRow), by_job) == nullptr))
            free_place(limit, *place, now, opened);
    });
}

// What is reserved yet is of a limit that is gone: its end frees nothing of the next one.
void forget_counts(Limit *limit) {
    each_place_of(limit->key, [&](Place *place) {
        uncount(limit, *place);
        place->counts = false;
        place->key = 0;
    });
}

void enter_running(Limit *limit, const RunningRow *rows, int count) {
    for (int i = 0; i < count && !limit->full; i++) {
        bool found = false;
        Place *place = place_at(limit->key, rows[i].job, HASH_ENTER_NULL, &found);
        limit->full = place == nullptr;
        if (place == nullptr)
            continue;
        if (!found) {
            *place = Place{place->key_of_job, limit->key.type, 0, rows[i].run, true, 0, 0};
            limit->places++;
        }
        limit->full = !count_by_key(limit, place, rows[i].key);
    }
}

// What the job is to have: what its transaction has already is null.
struct Wanted {
    uint64 key;        // by which it is counted; 0 for none
    KeyUse *use;       // of that
    Reserved *of_type; // that has the place of the type, in a group
    Reserved *of_key;  // the same of the key
};

void block(const Starting &starting, KeyUse *use, TimestampTz at) {
    block_key(ring_key(starting.role, starting.type), starting.key, at,
              use != nullptr ? &use->blocked : nullptr);
}

// Whether the key has a place and a start for it.
bool key_is_free(Limit *limit, const Starting &starting, const Wanted &wanted, TimestampTz now) {
    if (wanted.key == 0)
        return true;
    if (wanted.use == nullptr) {
        limit->full = true;
        block(starting, nullptr, now + kWhileFull);
        return false;
    }
    const LimitRule &rule = limit->rule;
    if (wanted.of_key != nullptr)
        return rule.starts_per_key == 0 ||
               wanted.use->window.has_room(now, rule.per, rule.starts_per_key);
    const TimestampTz at = use_opens_at(*limit, wanted.use, now);
    if (at != DT_NOBEGIN)
        block(starting, wanted.use, at);
    return at == DT_NOBEGIN;
}

// A place for what of these is wanted. False where there is no room.
bool enter_place(Limit *limit, const Starting &starting, Wanted *wanted) {
    bool found = false;
    Place *place = place_at(limit->key, starting.job, HASH_ENTER_NULL, &found);
    limit->full = limit->full || place == nullptr;
    if (place == nullptr)
        return false;
    // One that is still there is another transaction's whose callback comes late: it is ours.
    if (found)
        uncount(limit, *place);
    const bool counts = wanted->of_type == nullptr;
    *place = Place{place->key_of_job,     limit->key.type, wanted->key, starting.run, counts,
                   ++limit->reservations, g_reserved_count};
    limit->places += counts ? 1 : 0;
    if (wanted->use != nullptr)
        wanted->use->places++;
    Reserved *reserved = &g_reserved[g_reserved_count++];
    *reserved = {limit->reservations, limit->born, limit->key, wanted->key,
                 starting.job,        counts,      0,          0,
                 starting.role};
    wanted->of_type = counts ? reserved : wanted->of_type;
    wanted->of_key = wanted->key != 0 ? reserved : nullptr;
    return true;
}

void reserve_starts(Limit *limit, const Wanted &wanted) {
    if (limit->rule.starts > 0) {
        limit->window.reserve();
        wanted.of_type->starts++;
    }
    if (limit->rule.starts_per_key > 0 && wanted.use != nullptr) {
        wanted.use->window.reserve();
        wanted.of_key->key_starts++;
    }
}

Lack take(Limit *limit, const Starting &starting, bool in_group, TimestampTz now, Opened *opened) {
    Wanted wanted{};
    wanted.key = limit->rule.has_keys() ? hash_of_key(starting.key) : 0;
    wanted.of_type = in_group ? reservation_of(limit->key) : nullptr;
    wanted.of_key = in_group ? reservation_of(limit->key, wanted.key) : nullptr;
    if ((wanted.of_type == nullptr && !places_are_free(*limit)) || !starts_are_free(limit, now))
        return Lack::type;
    if (!is_its_turn(limit, starting.role, wanted.of_type != nullptr, now))
        return Lack::type;
    wanted.use = wanted.key != 0 ? make_use(limit->key, wanted.key) : nullptr;
    if (!key_is_free(limit, starting, wanted, now))
        return Lack::key;
    const bool has_all = wanted.of_type != nullptr && (wanted.key == 0 || wanted.of_key != nullptr);
    if (!has_all && !enter_place(limit, starting, &wanted))
        return Lack::type;
    reserve_starts(limit, wanted);
    serve_in_line(&limit->line, starting.role);
    refresh(limit, now, opened);
    const TimestampTz next =
        wanted.use != nullptr ? use_opens_at(*limit, wanted.use, now) : DT_NOBEGIN;
    if (next != DT_NOBEGIN)
        block(starting, wanted.use, next);
    return Lack::nothing;
}

Lack reserve(const Starting &starting, bool in_group, bool *ordered, Opened *opened) {
    if (!any_limits())
        return Lack::nothing;
    Lack lack = Lack::nothing;
    make_room_for_reservation();
    with_limit(limit_key(starting.type), [&](Limit &limit, TimestampTz now) {
        lack = take(&limit, starting, in_group, now, opened);
        *ordered = limit.rule.ordered && starting.key != nullptr;
    });
    return lack;
}

} // namespace

void remove_limit(const LimitKey &key, uint64 generation, Opened *opened) {
    with_limit(key, [&](Limit &limit, TimestampTz now) {
        if (limit.closed_by >= generation)
            return;
        const LimitRule before = limit.rule;
        limit.counted = true;
        limit.rule = LimitRule{};
        refresh(&limit, now, opened);
        drop_ended(&limit, nullptr, 0, now, opened);
        forget_counts(&limit);
        refresh_uses(limit, before, now, opened);
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
        drop_ended(&limit, rows, count, now, opened);
        enter_running(&limit, rows, count);
        limit.counted = good = !limit.full;
        refresh(&limit, now, opened);
    });
    return good;
}

KeyState state_of_key(const LimitKey &key, uint64 hash) {
    KeyState state{0, 0, DT_NOBEGIN};
    with_limit(key, [&](const Limit &limit, TimestampTz now) {
        KeyUse *use = limit.rule.has_keys() ? find_use(key, hash) : nullptr;
        if (use == nullptr)
            return;
        const LimitRule &rule = limit.rule;
        state.places = use->places;
        state.started =
            rule.starts_per_key > 0 ? use->window.used(now, rule.per, rule.starts_per_key) : 0;
        state.opens_at = use_opens_at(limit, use, now);
    });
    return state;
}

void fullness_of_turns(Fullness (&tables)[kTurnTables]) {
    with_limits([&](TimestampTz now) {
        tables[0] = {"limits", limits_set(), kMaxLimits};
        tables[1] = {"places", hash_get_num_entries(place_table()), settings::max_places};
        tables[2] = {"key uses", used_keys(now), settings::max_keys};
        tables[3] = {"keys", keys_in_rings(), settings::max_keys};
    });
}

uint64 hash_of_key(const char *key) {
    return key == nullptr ? 0 : Max(hash_of_type(key), UINT64CONST(1));
}

Lack reserve_place(const Starting &starting, bool *ordered, Opened *opened) {
    return reserve(starting, false, ordered, opened);
}

Lack reserve_in_group(const Starting &starting, bool *ordered, Opened *opened) {
    return reserve(starting, true, ordered, opened);
}

void give_up_place(const core::Uuid &job, Opened *opened) {
    if (g_reserved_count == 0 || !(g_reserved[g_reserved_count - 1].job == job))
        return;
    with_limits([&](TimestampTz now) { release(g_reserved[g_reserved_count - 1], now, opened); });
    g_reserved_count--;
}

void note_start(const char *type, uint64 key) {
    if (g_reserved_count == 0)
        return;
    const LimitKey of_type = limit_key(type);
    Reserved *reserved = reservation_of(of_type);
    if (reserved != nullptr)
        with_limit(of_type, [&](Limit &limit, TimestampTz now) {
            Opened opened{}; // a start opens nothing
            start_one(&limit, reserved, reservation_of(of_type, key), key, now, &opened);
        });
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
                    begin_run(limit, changes[i], now, opened);
                else
                    end_run(limit, changes[i], now, opened);
                refresh(limit, now, opened);
            }
            for (int i = 0; i < g_reserved_count; i++)
                release(g_reserved[i], now, opened);
        });
    g_reserved = nullptr;
    g_reserved_count = g_reserved_room = 0;
}

} // namespace ayb
