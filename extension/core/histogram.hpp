#pragma once
// Latencies in buckets that grow by the square root of two: two to an octave, 64 in all, from one
// microsecond to some 70 minutes; an estimate read from them is at most 19 % off.
#include <cstdint>

namespace ayb::core {

inline constexpr int kHistogramBuckets = 64;

// The bucket that holds `microseconds`; below one microsecond it is the first, beyond the end the
// last.
int histogram_bucket(int64_t microseconds) noexcept;

// The geometric middle of a bucket, in microseconds.
double histogram_middle(int bucket) noexcept;

// The value below which the share `quantile` (0 to 1) of all entries lies, in microseconds, by the
// middle of its bucket; negative where there are no entries.
double histogram_quantile(const int64_t *counts, int buckets, double quantile) noexcept;

} // namespace ayb::core
