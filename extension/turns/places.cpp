#include "turns/places.hpp"

#include "memory/state.hpp"
#include "pg/settings.hpp"
#include "turns/reservations.hpp"
#include "turns/ring_table.hpp"

namespace ayb {

namespace {

constexpr int64 kWhileFull = kMicrosecondsPerSecond; // the next try of a key
constexpr int kReleased = 16;                        // at a time: others wait for the lock

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
    *place = Place{place->key_of_job,
                   limit->key.type,
                   found ? place->key : 0,
                   found ? place->use : nullptr,
                   change.run,
                   true,
                   0,
                   0};
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
    Place *place = place_at(limit->key, change.job, HASH_FIND, nullptr);
    if (place != nullptr && place->run <= change.run)
        free_place(limit, place, now, opened);
}

void release_starts(Limit *limit, const Reserved &reserved, TimestampTz now, Opened *opened) {
    if (reserved.starts == 0 && reserved.key_starts == 0)
        return;
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
void release(Limit *limit, const Reserved &reserved, TimestampTz now, Opened *opened) {
    if (limit != nullptr && limit->born == reserved.born)
        release_starts(limit, reserved, now, opened);
    if (Place *place = place_of(reserved))
        free_place(limit, place, now, opened);
}

// From there on. Those of a type come one after another, mostly.
void release_from(int first, int end, TimestampTz now, Opened *opened) {
    Limit *limit = nullptr;
    for (int i = first; i < end; i++) {
        const Reserved &reserved = *reserved_at(i);
        if (i == first || reserved.limit.type != reserved_at(i - 1)->limit.type) {
            if (limit != nullptr)
                refresh(limit, now, opened);
            limit = limit_at(reserved.limit);
        }
        release(limit, reserved, now, opened);
    }
    if (limit != nullptr)
        refresh(limit, now, opened);
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
            free_place(limit, place, now, opened);
    });
}

// What is reserved yet is of a limit that is gone: its end frees nothing of the next one.
void forget_counts(Limit *limit) {
    each_place_of(limit->key, [&](Place *place) { uncount(limit, place); });
}

void enter_running(Limit *limit, const RunningRow *rows, int count) {
    for (int i = 0; i < count && !limit->full; i++) {
        bool found = false;
        Place *place = place_at(limit->key, rows[i].job, HASH_ENTER_NULL, &found);
        limit->full = place == nullptr;
        if (place == nullptr)
            continue;
        if (!found) {
            *place = Place{place->key_of_job, limit->key.type, 0, nullptr, rows[i].run, true, 0, 0};
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

// Of the place that it has just got.
void note_reserved(Limit *limit, const Starting &starting, Place *place, Wanted *wanted) {
    Reserved *reserved = add_reservation();
    *reserved = {};
    reserved->number = place->reservation;
    reserved->born = limit->born;
    reserved->limit = limit->key;
    reserved->entry = limit;
    reserved->key = place->key;
    reserved->place = place;
    reserved->job = starting.job;
    reserved->role = starting.role;
    reserved->counts = place->counts;
    reserved->rates = limit->rule.has_rates();
    reserved->keys = limit->rule.has_keys();
    wanted->of_type = reserved->counts ? reserved : wanted->of_type;
    wanted->of_key = reserved->key != 0 ? reserved : nullptr;
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
        uncount(limit, place);
    const bool counts = wanted->of_type == nullptr;
    *place = Place{place->key_of_job, limit->key.type, wanted->key,           wanted->use,
                   starting.run,      counts,          ++limit->reservations, reserved_count()};
    limit->places += counts ? 1 : 0;
    if (KeyUse *use = wanted->use) {
        use->places++;
        use->reservation = place->reservation;
        use->index = place->index;
    }
    note_reserved(limit, starting, place, wanted);
    return true;
}

void reserve_starts(Limit *limit, const Wanted &wanted) {
    wanted.of_type->rates = wanted.of_type->rates || limit->rule.has_rates();
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
    if ((wanted.of_type == nullptr && !places_are_free(*limit)) || !starts_are_free(limit, now))
        return Lack::type;
    if (!is_its_turn(limit, starting.role, wanted.of_type != nullptr, now))
        return Lack::type;
    wanted.use = wanted.key != 0 ? make_use(limit->key, wanted.key) : nullptr;
    wanted.of_key =
        in_group && wanted.use != nullptr ? reservation_of(*limit, *wanted.use) : nullptr;
    if (!key_is_free(limit, starting, wanted, now))
        return Lack::key;
    const bool changes_none =
        wanted.of_type != nullptr && limit->rule.starts == 0 && limit->line.count <= 1;
    const bool has_all = wanted.of_type != nullptr && (wanted.key == 0 || wanted.of_key != nullptr);
    if (!has_all && !enter_place(limit, starting, &wanted))
        return Lack::type;
    reserve_starts(limit, wanted);
    serve_in_line(&limit->line, starting.role);
    if (!changes_none)
        refresh(limit, now, opened);
    const TimestampTz next =
        wanted.use != nullptr ? use_opens_at(*limit, wanted.use, now) : DT_NOBEGIN;
    if (next != DT_NOBEGIN)
        block(starting, wanted.use, next);
    return Lack::nothing;
}

// Whether the group's place of the type is all that it needs, so that nobody has to be asked: as
// the rule was when the group got it, which holds until the group ends.
bool is_covered(const Starting &starting) {
    const Reserved *reserved = reservation_of(limit_key(starting.type));
    if (reserved == nullptr || reserved->rates || (reserved->keys && starting.key != nullptr) ||
        roles_in_line(reserved->entry->line) > 1)
        return false;
    serve_alone(&reserved->entry->line);
    return true;
}

Lack reserve(const Starting &starting, bool in_group, bool *ordered, Opened *opened) {
    if (!any_limits() || (in_group && is_covered(starting)))
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
    const int last = reserved_count() - 1;
    if (last < 0 || !(reserved_at(last)->job == job))
        return;
    with_limits([&](TimestampTz now) { release_from(last, last + 1, now, opened); });
    drop_last_reservation();
}

void note_start(const char *type, uint64 key) {
    if (reserved_count() == 0)
        return;
    const LimitKey of_type = limit_key(type);
    Reserved *reserved = reservation_of(of_type);
    if (reserved == nullptr || !reserved->rates)
        return;
    with_limit(of_type, [&](Limit &limit, TimestampTz now) {
        const KeyUse *use = limit.rule.has_keys() && key != 0 ? find_use(of_type, key) : nullptr;
        Reserved *by_key = use != nullptr ? reservation_of(limit, *use) : nullptr;
        Opened opened{}; // a start opens nothing
        start_one(&limit, reserved, by_key, key, now, &opened);
    });
}

void settle_places(const PlaceChange *changes, int count, Opened *opened) {
    if (count > 0)
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
        });
    for (int i = 0; i < reserved_count(); i += kReleased)
        with_limits([&](TimestampTz now) {
            release_from(i, Min(i + kReleased, reserved_count()), now, opened);
        });
    forget_reservations();
}

} // namespace ayb
