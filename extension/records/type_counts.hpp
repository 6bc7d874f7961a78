#pragma once
// What is counted of a type's attempts: how they ended, how long they waited and ran.
#include "core/histogram.hpp"
#include "memory/state.hpp"

namespace ayb {

struct TypeKey {
    Oid database;
    Oid role;
    uint64 hash; // of the type's name
};

struct TypeName {
    TypeKey key; // first in what is kept under it
    char type[kTypeBytes];
};

struct TypeCounts {
    int64 completed;
    int64 failed;
    int64 retried;
    int64 lost;
    int64 canceled;
    int64 snoozed;
    int64 wait[core::kHistogramBuckets];
    int64 run[core::kHistogramBuckets];
    // What the histograms' entries come to, in microseconds: buckets alone would only tell about.
    int64 wait_sum;
    int64 run_sum;
};

// `sign` -1 takes them away again.
inline void add_counts(TypeCounts *to, const TypeCounts &from, int sign = 1) {
    to->completed += sign * from.completed;
    to->failed += sign * from.failed;
    to->retried += sign * from.retried;
    to->lost += sign * from.lost;
    to->canceled += sign * from.canceled;
    to->snoozed += sign * from.snoozed;
    to->wait_sum += sign * from.wait_sum;
    to->run_sum += sign * from.run_sum;
    for (int i = 0; i < core::kHistogramBuckets; i++) {
        to->wait[i] += sign * from.wait[i];
        to->run[i] += sign * from.run[i];
    }
}

} // namespace ayb
