#include "records/type_stats.hpp"

#include "pg/clock.hpp"

namespace ayb {

namespace {

constexpr int64 kMinute = 60 * kMicrosecondsPerSecond;
// The weights of the newest run in the moving averages.
constexpr double kNewest = 0.2;
constexpr double kNewestHandler = 0.1;

// How long a type goes by lease after its first strike; each further one doubles it.
constexpr int64 kStrike = kMicrosecondsPerSecond;
constexpr int64 kGraveStrike = 60 * kMicrosecondsPerSecond;
constexpr int64 kLongestStrike = 3600 * kMicrosecondsPerSecond;
constexpr int64 kForgiven = 10000; // jobs in groups, after which earlier strikes don't count

HTAB *g_types;

TypeKey key_of(Oid database, Oid role, const char *type) {
    TypeKey key;
    memset(&key, 0, sizeof(key));
    key.database = database;
    key.role = role;
    key.hash = hash_of_type(type);
    return key;
}

bool has_counts(const TypeStats &stats) {
    return stats.completed + stats.failed + stats.retried + stats.lost + stats.canceled +
               stats.snoozed >
           0;
}

void clear_counts(TypeStats *stats) { static_cast<TypeCounts &>(*stats) = TypeCounts{}; }

// Null where there are `most` entries already, and none is this.
TypeStats *find_or_add(Oid database, Oid role, const char *type, int most) {
    bool found;
    TypeKey key = key_of(database, role, type);
    const HASHACTION action = hash_get_num_entries(g_types) < most ? HASH_ENTER_NULL : HASH_FIND;
    auto *stats = static_cast<TypeStats *>(hash_search(g_types, &key, action, &found));
    if (stats == nullptr)
        return nullptr;
    if (!found) {
        memset(static_cast<void *>(stats), 0, sizeof(TypeStats));
        stats->key = key;
        strlcpy(stats->type, type, kTypeBytes);
    }
    return stats;
}

// Entries without counts only hold what a type has earned, and can be spared when the table is
// full: it has to earn it again. Who lost it must not come back by being forgotten.
void spare_one() {
    HASH_SEQ_STATUS scan;
    hash_seq_init(&scan, g_types);
    while (auto *stats = static_cast<TypeStats *>(hash_seq_search(&scan)))
        if (!has_counts(*stats) && stats->leased_until <= clock_now()) {
            hash_search(g_types, &stats->key, HASH_REMOVE, nullptr);
            hash_seq_term(&scan);
            return;
        }
}

TypeStats *place_for(Oid database, Oid role, const char *type) {
    TypeStats *stats = find_or_add(database, role, type, kMaxTypes);
    if (stats == nullptr) {
        spare_one();
        stats = find_or_add(database, role, type, kMaxTypes);
    }
    if (stats == nullptr)
        stats = find_or_add(database, role, "", kMaxTypes + kMaxOthers);
    return stats != nullptr ? stats : find_or_add(database, InvalidOid, "", most_types());
}

int64 &counter(TypeStats *stats, Outcome outcome) {
    switch (outcome) {
    case Outcome::completed:
        return stats->completed;
    case Outcome::failed:
        return stats->failed;
    case Outcome::retried:
        return stats->retried;
    case Outcome::lost:
        return stats->lost;
    case Outcome::canceled:
        return stats->canceled;
    case Outcome::snoozed:
        break;
    }
    return stats->snoozed;
}

// What is taken out of the minutes goes on in the totals, under the same lock: so the sum of both
// never falls.
void count_total(const TypeStats &stats, int sign) {
    if (TypeTotals *total = total_of(stats.key.database, stats.type))
        add_counts(total, stats, sign);
}

void begin_minute(TypeStats *stats, TimestampTz now) {
    if (!has_counts(*stats))
        stats->minute = now - now % kMinute;
}

void enter_average(TypeStats *stats, int64 run_us) {
    const double run = static_cast<double>(run_us);
    stats->run_average =
        stats->run_average > 0 ? stats->run_average * (1 - kNewest) + run * kNewest : run;
}

void enter_run(TypeStats *stats, int64 wait_us, int64 run_us) {
    if (wait_us >= 0) {
        stats->wait[core::histogram_bucket(wait_us)]++;
        stats->wait_sum += wait_us;
    }
    if (run_us < 0)
        return;
    stats->run[core::histogram_bucket(run_us)]++;
    stats->run_sum += run_us;
    enter_average(stats, run_us);
}

void enter_outcome(TypeStats *stats, Outcome outcome, int64 wait_us, int64 run_us,
                   TimestampTz now) {
    begin_minute(stats, now);
    counter(stats, outcome)++;
    enter_run(stats, wait_us, run_us);
}

// One run says little, however long it was: the processor may have been busy with others. What is
// really slow overstays, and is struck.
void enter_handler(TypeStats *stats, int64 handler_us) {
    if (handler_us < 0)
        return;
    const double longest =
        settings::group_budget * static_cast<double>(kMicrosecondsPerMillisecond);
    const double run = Min(static_cast<double>(handler_us), longest);
    stats->handler_average = stats->handler_average * (1 - kNewestHandler) + run * kNewestHandler;
    stats->runs++;
}

} // namespace

int most_types() { return kMaxTypes + kMaxOthers + slot_count(); }

Size types_size() {
    return add_size(hash_estimate_size(most_types(), sizeof(TypeStats)), totals_size());
}

void init_types() {
    init_totals();
    g_types = shared_table("ayb_jobs types", most_types(), sizeof(TypeKey), sizeof(TypeStats));
}

bool add_outcome(Oid database, Oid role, const char *type, Outcome outcome, int64 wait_us,
                 int64 run_us, int64 handler_us) {
    const TimestampTz now = clock_now();
    bool changed = false;
    LWLockAcquire(lock_of(Locks::types), LW_EXCLUSIVE);
    if (TypeStats *stats = place_for(database, role, type)) {
        const bool was_slow = stats->run_average > kSlow;
        enter_outcome(stats, outcome, wait_us, run_us, now);
        enter_handler(stats, handler_us);
        changed = was_slow != (stats->run_average > kSlow);
    }
    LWLockRelease(lock_of(Locks::types));
    return changed;
}

void add_grouped(Oid database, Oid role, const char *type, const GroupedRun *runs, int count,
                 int subtransactions) {
    const TimestampTz now = clock_now();
    LWLockAcquire(lock_of(Locks::types), LW_EXCLUSIVE);
    if (TypeStats *stats = place_for(database, role, type)) {
        begin_minute(stats, now);
        stats->completed += count;
        stats->grouped += count;
        stats->good += count;
        stats->subtransactions = subtransactions;
        if (stats->good >= kForgiven)
            stats->strikes = 0;
        for (int i = 0; i < count; i++) {
            enter_run(stats, runs[i].wait_us, runs[i].run_us);
            enter_handler(stats, runs[i].run_us);
        }
    }
    LWLockRelease(lock_of(Locks::types));
}

TypeRecord type_record(Oid database, Oid role, const char *type) {
    TypeRecord record{};
    const TypeKey key = key_of(database, role, type);
    LWLockAcquire(lock_of(Locks::types), LW_SHARED);
    if (const auto *stats =
            static_cast<TypeStats *>(hash_search(g_types, &key, HASH_FIND, nullptr)))
        record = {
            stats->runs,    stats->handler_average, stats->grouped,     stats->subtransactions,
            stats->strikes, stats->last_strike,     stats->leased_until};
    LWLockRelease(lock_of(Locks::types));
    return record;
}

void strike_type(Oid database, Oid role, const char *type, Strike why, TimestampTz began) {
    const TimestampTz now = clock_now();
    LWLockAcquire(lock_of(Locks::types), LW_EXCLUSIVE);
    TypeStats *stats = place_for(database, role, type);
    if (stats != nullptr && stats->leased_until <= began) {
        const int64 first = why == Strike::ended || why == Strike::traces ? kGraveStrike : kStrike;
        stats->leased_until = later(now, Min(first << Min(stats->strikes, 16), kLongestStrike));
        stats->strikes++;
        stats->last_strike = why;
        stats->runs = 0;
        stats->good = 0;
    }
    LWLockRelease(lock_of(Locks::types));
}

void each_type(Oid database, void (*visit)(const TypeStats &stats, void *context), void *context) {
    HASH_SEQ_STATUS scan;
    LWLockAcquire(lock_of(Locks::types), LW_SHARED);
    hash_seq_init(&scan, g_types);
    while (auto *stats = static_cast<TypeStats *>(hash_seq_search(&scan)))
        if (stats->key.database == database)
            visit(*stats, context);
    LWLockRelease(lock_of(Locks::types));
}

double run_average(Oid database, Oid role, const char *type) {
    const TypeKey key = key_of(database, role, type);
    LWLockAcquire(lock_of(Locks::types), LW_SHARED);
    const auto *stats = static_cast<TypeStats *>(hash_search(g_types, &key, HASH_FIND, nullptr));
    const double average = stats != nullptr ? stats->run_average : 0;
    LWLockRelease(lock_of(Locks::types));
    return average;
}

int take_minutes(Oid database, TimestampTz before, bool keep, TypeStats *out) {
    int count = 0;
    HASH_SEQ_STATUS scan;
    LWLockAcquire(lock_of(Locks::types), keep ? LW_SHARED : LW_EXCLUSIVE);
    if (!keep)
        make_room_for_totals();
    hash_seq_init(&scan, g_types);
    while (auto *stats = static_cast<TypeStats *>(hash_seq_search(&scan))) {
        if (stats->key.database != database || !has_counts(*stats) || stats->minute >= before)
            continue;
        out[count++] = *stats;
        if (keep)
            continue;
        count_total(*stats, 1);
        clear_counts(stats);
    }
    LWLockRelease(lock_of(Locks::types));
    return count;
}

void return_minutes(const TypeStats *entries, int count) {
    LWLockAcquire(lock_of(Locks::types), LW_EXCLUSIVE);
    for (int i = 0; i < count; i++)
        if (TypeStats *stats =
                place_for(entries[i].key.database, entries[i].key.role, entries[i].type)) {
            add_counts(stats, entries[i]);
            // Under another name than it was taken, it stays where it was counted.
            if (stats->key.hash == entries[i].key.hash)
                count_total(entries[i], -1);
        }
    LWLockRelease(lock_of(Locks::types));
}

int read_totals(Oid database, TypeTotals *out) {
    HASH_SEQ_STATUS scan;
    LWLockAcquire(lock_of(Locks::types), LW_EXCLUSIVE);
    make_room_for_totals();
    // First all get their lines: which one is a type's is settled when it is first shown.
    hash_seq_init(&scan, g_types);
    while (auto *stats = static_cast<TypeStats *>(hash_seq_search(&scan)))
        if (stats->key.database == database && has_counts(*stats))
            total_of(database, stats->type);
    const int count = copy_totals(database, out);
    hash_seq_init(&scan, g_types);
    while (auto *stats = static_cast<TypeStats *>(hash_seq_search(&scan)))
        if (stats->key.database == database && has_counts(*stats))
            if (const TypeTotals *total = total_of(database, stats->type))
                add_counts(&out[total->copied], *stats);
    LWLockRelease(lock_of(Locks::types));
    return count;
}

} // namespace ayb
