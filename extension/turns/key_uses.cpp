#include "turns/key_uses.hpp"

#include "pg/settings.hpp"

namespace ayb {

namespace {

HTAB *g_uses;

bool is_idle(const Limit &limit, KeyUse *use, TimestampTz now) {
    const LimitRule &rule = limit.rule;
    const bool starts =
        rule.starts_per_key > 0 && use->window.used(now, rule.per, rule.starts_per_key) > 0;
    return use->places == 0 && !starts && !use->window.has_reserved() &&
           dlist_is_empty(&use->blocked);
}

void remove_use(const KeyUse *use) { hash_search(g_uses, &use->tag, HASH_REMOVE, nullptr); }

// Of all types, so that there is room for others.
void remove_idle(TimestampTz now) {
    HASH_SEQ_STATUS scan;
    hash_seq_init(&scan, g_uses);
    while (auto *use = static_cast<KeyUse *>(hash_seq_search(&scan))) {
        const Limit *limit = limit_at(use->tag.limit);
        if (limit != nullptr && is_idle(*limit, use, now))
            remove_use(use);
    }
}

// At most every tenth of a second: a table that is really full isn't gone through by each claim.
bool may_sweep(TimestampTz now) {
    static TimestampTz last;
    if (now >= last && now - last < 100 * kMicrosecondsPerMillisecond)
        return false;
    last = now;
    return true;
}

} // namespace

Size key_uses_size() { return hash_estimate_size(settings::max_keys, sizeof(KeyUse)); }

void init_key_uses() {
    g_uses = shared_table("ayb_jobs uses of keys", settings::max_keys, sizeof(KeyUseTag),
                          sizeof(KeyUse));
}

KeyUse *find_use(const LimitKey &limit, uint64 key) {
    const KeyUseTag tag{limit, key};
    return static_cast<KeyUse *>(hash_search(g_uses, &tag, HASH_FIND, nullptr));
}

KeyUse *make_use(const LimitKey &limit, uint64 key) {
    const KeyUseTag tag{limit, key};
    bool found = false;
    auto *use = static_cast<KeyUse *>(hash_search(g_uses, &tag, HASH_ENTER_NULL, &found));
    const TimestampTz now = clock_now();
    if (use == nullptr && may_sweep(now)) {
        remove_idle(now);
        use = static_cast<KeyUse *>(hash_search(g_uses, &tag, HASH_ENTER_NULL, &found));
    }
    if (use == nullptr || found)
        return use;
    memset(static_cast<void *>(use), 0, sizeof(KeyUse));
    use->tag = tag;
    dlist_init(&use->blocked);
    return use;
}

long used_keys(TimestampTz now) {
    if (hash_get_num_entries(g_uses) >= settings::max_keys)
        remove_idle(now);
    return hash_get_num_entries(g_uses);
}

TimestampTz use_opens_at(const Limit &limit, KeyUse *use, TimestampTz now) {
    const LimitRule &rule = limit.rule;
    if (rule.running_per_key > 0 && use->places >= rule.running_per_key)
        return DT_NOEND;
    if (rule.starts_per_key == 0 || use->window.has_room(now, rule.per, rule.starts_per_key))
        return DT_NOBEGIN;
    if (use->window.waits(now, rule.per, rule.starts_per_key))
        return DT_NOEND;
    return use->window.opens_at(now, rule.per, rule.starts_per_key);
}

void refresh_use(const Limit &limit, KeyUse *use, TimestampTz now, Opened *opened) {
    const TimestampTz at = use_opens_at(limit, use, now);
    open_keys(&use->blocked, at, opened);
    if (is_idle(limit, use, now))
        remove_use(use);
}

void refresh_uses(const Limit &limit, const LimitRule &before, TimestampTz now, Opened *opened) {
    HASH_SEQ_STATUS scan;
    hash_seq_init(&scan, g_uses);
    while (auto *use = static_cast<KeyUse *>(hash_seq_search(&scan))) {
        if (memcmp(&use->tag.limit, &limit.key, sizeof(LimitKey)) != 0)
            continue;
        if (before.starts_per_key > 0 && limit.rule.per > 0 && before.per != limit.rule.per)
            use->window.carry(now, before.per, limit.rule.per);
        refresh_use(limit, use, now, opened);
    }
}

} // namespace ayb
