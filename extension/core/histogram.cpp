#include "core/histogram.hpp"

#include <cmath>

namespace ayb::core {

int histogram_bucket(int64_t microseconds) noexcept {
    if (microseconds < 1)
        return 0;
    int octave = 0;
    while (octave < 62 && (microseconds >> (octave + 1)) != 0)
        octave++;
    // The upper half of an octave begins at 2^octave * sqrt(2), that is where the square is
    // 2^(2n+1).
    const double ratio = static_cast<double>(microseconds) / std::ldexp(1.0, octave);
    const int bucket = 2 * octave + (ratio * ratio >= 2.0 ? 1 : 0);
    return bucket < kHistogramBuckets ? bucket : kHistogramBuckets - 1;
}

double histogram_middle(int bucket) noexcept { return std::exp2(bucket / 2.0 + 0.25); }

double histogram_quantile(const int64_t *counts, int buckets, double quantile) noexcept {
    int64_t total = 0;
    for (int i = 0; i < buckets; i++)
        total += counts[i];
    if (total <= 0)
        return -1.0;

    const double wanted = quantile * static_cast<double>(total);
    int64_t seen = 0;
    for (int i = 0; i < buckets; i++) {
        seen += counts[i];
        if (counts[i] > 0 && static_cast<double>(seen) >= wanted)
            return histogram_middle(i);
    }
    return histogram_middle(buckets - 1);
}

} // namespace ayb::core
