#include "turns/limits.hpp"

#include <climits>

#include "memory/configuration.hpp"
#include "memory/floor.hpp"
#include "memory/state.hpp"
#include "pg/clock.hpp"

namespace ayb {

namespace {

HTAB *g_limits;
pg_atomic_uint32 *g_count;

// After shared memory was new.
bool is_used_up(const Limit &limit, TimestampTz now) {
    return (limit.rule.starts > 0 || limit.rule.starts_per_key > 0) && now < limit.used_up_until;
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
    return limit.rule.running == 0 ? INT_MAX : limit.rule.running - limit.places;
}

void add_role(Opened *opened, Oid role) {
    for (int i = 0; i < opened->count; i++)
        if (opened->roles[i] == role)
            return;
    if (opened->count < kMostWaiting)
        opened->roles[opened->count++] = role;
    else
        opened->more = true;
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

void add_opened(Opened *opened, Oid role) {
    add_role(opened, role);
    opened->jobs = Max(opened->jobs, 1);
}

Limit *limit_at(const LimitKey &key) {
    return static_cast<Limit *>(hash_search(g_limits, &key, HASH_FIND, nullptr));
}

bool starts_are_free(Limit *limit, TimestampTz now) {
    return !is_used_up(*limit, now) &&
           (limit->rule.starts == 0 ||
            limit->window.has_room(now, limit->rule.per, limit->rule.starts));
}

bool places_are_free(const Limit &limit) {
    return limit.counted && (limit.rule.running == 0 || limit.places < limit.rule.running);
}

void refresh(Limit *limit, TimestampTz now, Opened *opened) {
    const TimestampTz at = next_opening(limit, now);
    pg_atomic_write_u64(&limit->opens_at, static_cast<uint64>(at));
    if (at == DT_NOEND)
        return;
    for (int i = 0; i < limit->waiting.count; i++)
        add_role(opened, limit->waiting.roles[i]);
    opened->jobs = Max(opened->jobs, places_left(*limit));
    opened->more = opened->more || limit->waiting.more;
    limit->waiting = Opened{};
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

bool wait_for_limit(const Limit *limit, Oid role) {
    bool waits = false;
    with_limits([&](TimestampTz /*now*/) {
        waits = opens_at(limit) == DT_NOEND;
        if (waits)
            add_role(&const_cast<Limit *>(limit)->waiting, role);
    });
    return waits;
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
