#include "turns/limits.hpp"

#include <climits>

#include "memory/configuration.hpp"
#include "memory/floor.hpp"
#include "memory/slots.hpp"
#include "memory/state.hpp"
#include "pg/clock.hpp"

namespace ayb {

namespace {

HTAB *g_limits;
pg_atomic_uint32 *g_count;

// After shared memory was new.
bool is_used_up(const Limit &limit, TimestampTz now) {
    return limit.rule.has_rates() && now < limit.used_up_until;
}

TimestampTz next_opening(Limit *limit, TimestampTz now) {
    if (!places_are_free(*limit))
        return DT_NOEND;
    if (starts_are_free(limit, now))
        return DT_NOBEGIN;
    if (is_used_up(*limit, now))
        return limit->used_up_until;
    if (limit->window.waits(now, limit->rule.per, limit->rule.starts))
        return DT_NOEND;
    return limit->window.opens_at(now, limit->rule.per, limit->rule.starts);
}

int places_left(const Limit &limit) {
    return limit.rule.running == 0 ? INT_MAX : Max(limit.rule.running - limit.places, 0);
}

int starts_left(Limit *limit, TimestampTz now) {
    const LimitRule &rule = limit->rule;
    if (rule.starts == 0)
        return INT_MAX;
    return is_used_up(*limit, now)
               ? 0
               : Max(rule.starts - limit->window.used(now, rule.per, rule.starts), 0);
}

// Null where there is no room.
Limit *make_limit(const LimitKey &key, bool *found) {
    auto *limit = static_cast<Limit *>(hash_search(g_limits, &key, HASH_ENTER_NULL, found));
    if (limit == nullptr || *found)
        return limit;
    memset(static_cast<void *>(limit), 0, sizeof(Limit));
    limit->key = key;
    limit->born = new_life();
    pg_atomic_init_u64(&limit->opens_at, static_cast<uint64>(DT_NOEND));
    open_role_line(&limit->line);
    pg_atomic_fetch_add_u32(g_count, 1);
    return limit;
}

// Until it is counted.
void shut(Limit *limit) {
    limit->counted = false;
    pg_atomic_write_u64(&limit->opens_at, static_cast<uint64>(DT_NOEND));
}

// What was counted by the old length counts as of now.
void set_rule(Limit *limit, const LimitRule &rule, TimestampTz now) {
    if (limit->rule.starts > 0 && limit->rule.per != rule.per)
        limit->window.carry(now, limit->rule.per, rule.per);
    limit->rule = rule;
}

} // namespace

int free_of(Limit *limit, bool has_place, TimestampTz now) {
    const int starts = starts_left(limit, now);
    return has_place ? starts : Min(starts, limit->counted ? places_left(*limit) : 0);
}

Limit *limit_at(const LimitKey &key) {
    return static_cast<Limit *>(hash_search(g_limits, &key, HASH_FIND, nullptr));
}

bool starts_are_free(Limit *limit, TimestampTz now) {
    return !is_used_up(*limit, now) &&
           (limit->rule.starts == 0 ||
            limit->window.has_room(now, limit->rule.per, limit->rule.starts));
}

bool is_its_turn(Limit *limit, Oid role, bool has_place, TimestampTz now) {
    if (!limit->line.is_kept)
        return true;
    const Asker asker = my_slot() != nullptr ? Asker::worker : Asker::outside;
    const RoleTurn *mine = join_line(&limit->line, role, asker);
    return has_turn(limit->line, static_cast<Oid>(limit->key.database), mine,
                    free_of(limit, has_place, now), now);
}

bool places_are_free(const Limit &limit) {
    return limit.counted && (limit.rule.running == 0 || limit.places < limit.rule.running);
}

void refresh(Limit *limit, TimestampTz now, Opened *opened) {
    const TimestampTz at = next_opening(limit, now);
    pg_atomic_write_u64(&limit->opens_at, static_cast<uint64>(at));
    // What opens at an instant does so for one, at least.
    const int free = at == DT_NOEND ? 0 : Max(free_of(limit, false, now), 1);
    limit->line.is_kept = limit->rule.running > 0 || limit->rule.starts > 0;
    publish_line(&limit->line, static_cast<Oid>(limit->key.database), free, now, at, opened);
    opened->jobs = Max(opened->jobs, free);
}

void erase_limit(const LimitKey &key) {
    hash_search(g_limits, &key, HASH_REMOVE, nullptr);
    pg_atomic_fetch_sub_u32(g_count, 1);
}

Size limits_size() {
    return add_size(sizeof(pg_atomic_uint32), hash_estimate_size(kMaxLimits, sizeof(Limit)));
}

void init_limits() {
    g_count = shared_number("ayb_jobs limits set");
    g_limits = shared_table("ayb_jobs limits", kMaxLimits, sizeof(LimitKey), sizeof(Limit));
}

int limits_set() { return static_cast<int>(pg_atomic_read_u32(g_count)); }

bool any_limits() { return preloaded() && pg_atomic_read_u32(g_count) != 0; }

LimitKey limit_key(const char *type) { return {MyDatabaseId, hash_of_type(type)}; }

const Limit *find_limit(const char *type) {
    const Limit *found = nullptr;
    if (any_limits())
        with_limit(limit_key(type), [&](const Limit &limit, TimestampTz) { found = &limit; });
    return found;
}

void close_limit(const LimitKey &key) {
    with_limits([&](TimestampTz /*now*/) {
        bool found;
        if (Limit *limit = make_limit(key, &found)) {
            limit->closed_by = configuration_generation();
            shut(limit);
        }
    });
}

void enter_limit(const LimitKey &key, const LimitRule &rule, TellKeys tell, Opened *opened) {
    with_limits([&](TimestampTz now) {
        bool found;
        Limit *limit = make_limit(key, &found);
        if (limit == nullptr)
            return;
        if (!found)
            limit->used_up_until = later(now, rule.per);
        const LimitRule before = limit->rule;
        set_rule(limit, rule, now);
        refresh(limit, now, opened);
        if (before.has_keys() || rule.has_keys())
            tell(*limit, before, now, opened);
    });
}

LimitKey *limits_of(Oid database, int *count) {
    auto *keys = static_cast<LimitKey *>(palloc(kMaxLimits * sizeof(LimitKey)));
    *count = 0;
    with_limits([&](TimestampTz /*now*/) {
        HASH_SEQ_STATUS scan;
        hash_seq_init(&scan, g_limits);
        while (const auto *limit = static_cast<const Limit *>(hash_seq_search(&scan)))
            if (limit->key.database == database)
                keys[(*count)++] = limit->key;
    });
    return keys;
}

void forget_running(Oid database) {
    if (!any_limits())
        return;
    with_limits([&](TimestampTz /*now*/) {
        HASH_SEQ_STATUS scan;
        hash_seq_init(&scan, g_limits);
        while (auto *limit = static_cast<Limit *>(hash_seq_search(&scan)))
            if (limit->key.database == database) {
                limit->changes++; // whoever counts begins again
                shut(limit);
            }
    });
}

uint64 mark_limit(const LimitKey &key) {
    uint64 mark = 0;
    with_limit(key, [&](const Limit &limit, TimestampTz) { mark = limit.changes; });
    return mark;
}

TimestampTz ask_for_turn(const Limit *limit, Oid role, Asker asker, Opened *opened) {
    auto *asked = const_cast<Limit *>(limit);
    TimestampTz at = DT_NOBEGIN;
    with_limits([&](TimestampTz now) {
        RoleTurn *turn = join_line(&asked->line, role, asker);
        refresh(asked, now, opened);
        at = opens_at(limit, role);
        if (turn != nullptr)
            turn->asks = turn_comes_at(limit->line, role) != DT_NOBEGIN || at == DT_NOEND;
    });
    return at;
}

void note_wish(const Limit *limit, Oid role, bool wants, Asker asker, Opened *opened) {
    const InLine is = is_in_line(limit->line, role);
    if (is == InLine::unkept || (wants ? is == InLine::yes : is == InLine::no))
        return;
    auto *asked = const_cast<Limit *>(limit);
    with_limits([&](TimestampTz now) {
        if (wants)
            join_line(&asked->line, role, asker);
        else
            quit_line(&asked->line, role);
        refresh(asked, now, opened);
    });
}

bool ask_in_passing(const Limit *limit, Oid role, TimestampTz first, Opened *opened) {
    if (opens_at(limit, role) != DT_NOBEGIN)
        return ask_for_turn(limit, role, Asker::passing, opened) == DT_NOEND;
    if (first <= clock_now())
        note_wish(limit, role, true, Asker::passing, opened);
    return false;
}

void note_not_begun(const char *type, Oid role) {
    if (any_limits())
        with_limit(limit_key(type), [role](Limit &limit, TimestampTz) {
            if (limit.rule.starts == 0) // else its start was given back
                take_back_in_line(&limit.line, role, 1);
        });
}

bool state_of_limit(const LimitKey &key, LimitUse *state) {
    return with_limit(key, [&](Limit &limit, TimestampTz now) {
        const bool rate = limit.rule.starts > 0;
        *state = {limit.counted, limit.full, limit.places,
                  rate ? limit.window.used(now, limit.rule.per, limit.rule.starts) : 0,
                  next_opening(&limit, now)};
    });
}

} // namespace ayb
