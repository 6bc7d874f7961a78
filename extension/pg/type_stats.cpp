#include "pg/type_stats.hpp"

#include "pg/clock.hpp"

extern "C" {
#include "common/hashfn.h"
}

namespace ayb {

namespace {

constexpr int64 kMinute = 60 * kMicrosecondsPerSecond;
constexpr double kNewest = 0.2; // the weight of the newest run in the moving average

TypeKey key_of(Oid database, Oid role, const char *type) {
    TypeKey key;
    memset(&key, 0, sizeof(key));
    key.database = database;
    key.role = role;
    key.hash = hash_bytes_extended(reinterpret_cast<const unsigned char *>(type),
                                   static_cast<int>(strlen(type)), 0);
    return key;
}

bool has_counts(const TypeStats &stats) {
    return stats.completed + stats.failed + stats.retried + stats.lost + stats.canceled > 0;
}

void clear_counts(TypeStats *stats) {
    stats->completed = stats->failed = stats->retried = stats->lost = stats->canceled = 0;
    memset(stats->wait, 0, sizeof(stats->wait));
    memset(stats->run, 0, sizeof(stats->run));
}

TypeStats *find_or_add(Oid database, Oid role, const char *type) {
    bool found;
    TypeKey key = key_of(database, role, type);
    auto *stats = static_cast<TypeStats *>(hash_search(types(), &key, HASH_ENTER_NULL, &found));
    if (stats == nullptr)
        return nullptr;
    if (!found) {
        memset(static_cast<void *>(stats), 0, sizeof(TypeStats));
        stats->key = key;
        strlcpy(stats->type, type, kTypeBytes);
    }
    return stats;
}

// Entries without counts only hold an average, and can be spared when the table is full.
void spare_one() {
    HASH_SEQ_STATUS scan;
    hash_seq_init(&scan, types());
    while (auto *stats = static_cast<TypeStats *>(hash_seq_search(&scan)))
        if (!has_counts(*stats)) {
            hash_search(types(), &stats->key, HASH_REMOVE, nullptr);
            hash_seq_term(&scan);
            return;
        }
}

TypeStats *place_for(Oid database, Oid role, const char *type) {
    TypeStats *stats = find_or_add(database, role, type);
    if (stats == nullptr) {
        spare_one();
        stats = find_or_add(database, role, type);
    }
    return stats != nullptr ? stats : find_or_add(database, role, "");
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
        break;
    }
    return stats->canceled;
}

void add_counts(TypeStats *to, const TypeStats &from) {
    to->completed += from.completed;
    to->failed += from.failed;
    to->retried += from.retried;
    to->lost += from.lost;
    to->canceled += from.canceled;
    for (int i = 0; i < core::kHistogramBuckets; i++) {
        to->wait[i] += from.wait[i];
        to->run[i] += from.run[i];
    }
}

} // namespace

void add_outcome(Oid database, Oid role, const char *type, Outcome outcome, int64 wait_us,
                 int64 run_us) {
    const TimestampTz now = clock_now();
    LWLockAcquire(lock_of(Locks::types), LW_EXCLUSIVE);
    if (TypeStats *stats = place_for(database, role, type)) {
        if (!has_counts(*stats))
            stats->minute = now - now % kMinute;
        counter(stats, outcome)++;
        if (wait_us >= 0)
            stats->wait[core::histogram_bucket(wait_us)]++;
        if (run_us >= 0) {
            stats->run[core::histogram_bucket(run_us)]++;
            const double run = static_cast<double>(run_us);
            stats->run_average =
                stats->run_average > 0 ? stats->run_average * (1 - kNewest) + run * kNewest : run;
        }
    }
    LWLockRelease(lock_of(Locks::types));
}

double run_average(Oid database, Oid role, const char *type) {
    const TypeKey key = key_of(database, role, type);
    LWLockAcquire(lock_of(Locks::types), LW_SHARED);
    const auto *stats = static_cast<TypeStats *>(hash_search(types(), &key, HASH_FIND, nullptr));
    const double average = stats != nullptr ? stats->run_average : 0;
    LWLockRelease(lock_of(Locks::types));
    return average;
}

int take_minutes(Oid database, TimestampTz before, bool keep, TypeStats *out) {
    int count = 0;
    HASH_SEQ_STATUS scan;
    LWLockAcquire(lock_of(Locks::types), keep ? LW_SHARED : LW_EXCLUSIVE);
    hash_seq_init(&scan, types());
    while (auto *stats = static_cast<TypeStats *>(hash_seq_search(&scan))) {
        if (stats->key.database != database || !has_counts(*stats) || stats->minute >= before)
            continue;
        out[count++] = *stats;
        if (!keep)
            clear_counts(stats);
    }
    LWLockRelease(lock_of(Locks::types));
    return count;
}

void return_minutes(const TypeStats *entries, int count) {
    LWLockAcquire(lock_of(Locks::types), LW_EXCLUSIVE);
    for (int i = 0; i < count; i++)
        if (TypeStats *stats =
                place_for(entries[i].key.database, entries[i].key.role, entries[i].type))
            add_counts(stats, entries[i]);
    LWLockRelease(lock_of(Locks::types));
}

} // namespace ayb
