#include "core/histogram.hpp"

#include <gtest/gtest.h>

#include <cmath>

using namespace ayb::core;

TEST(Histogram, BucketsGrowByTheSquareRootOfTwo) {
    EXPECT_EQ(histogram_bucket(-5), 0);
    EXPECT_EQ(histogram_bucket(0), 0);
    EXPECT_EQ(histogram_bucket(1), 0);
    EXPECT_EQ(histogram_bucket(2), 2);
    EXPECT_EQ(histogram_bucket(3), 3);
    EXPECT_EQ(histogram_bucket(1024), 20);
    EXPECT_EQ(histogram_bucket(INT64_MAX), kHistogramBuckets - 1);
}

TEST(Histogram, BucketsNeverStepBack) {
    int last = 0;
    for (int64_t value = 1; value < 1'000'000; value += 7) {
        const int bucket = histogram_bucket(value);
        ASSERT_GE(bucket, last);
        last = bucket;
    }
}

TEST(Histogram, MiddleIsAtMostNineteenPercentOff) {
    for (int64_t value = 100; value < 10'000'000; value = value * 11 / 10) {
        const double middle = histogram_middle(histogram_bucket(value));
        EXPECT_LE(std::abs(middle / static_cast<double>(value) - 1.0), 0.1925) << value;
    }
}

TEST(Histogram, QuantilesOfNothingAreNegative) {
    const int64_t counts[kHistogramBuckets] = {};
    EXPECT_LT(histogram_quantile(counts, kHistogramBuckets, 0.5), 0);
}

TEST(Histogram, QuantilesFollowTheCounts) {
    int64_t counts[kHistogramBuckets] = {};
    counts[histogram_bucket(1000)] = 99;
    counts[histogram_bucket(1000000)] = 1;
    EXPECT_NEAR(histogram_quantile(counts, kHistogramBuckets, 0.5), 1000, 200);
    EXPECT_NEAR(histogram_quantile(counts, kHistogramBuckets, 1.0), 1000000, 200000);
}
