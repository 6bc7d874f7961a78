#include "core/uuid7.hpp"

#include <gtest/gtest.h>

#include <algorithm>
#include <cstring>
#include <set>
#include <thread>
#include <vector>

using namespace ayb::core;

namespace {

const uint8_t kRandom[8] = {0xFF, 0x12, 0x34, 0x56, 0x78, 0x9A, 0xBC, 0xDE};

bool before(const Uuid &one, const Uuid &other) {
    return std::memcmp(one.bytes, other.bytes, sizeof(one.bytes)) < 0;
}

// Since 1970: a millisecond, and a part of it in quarters of a microsecond.
int64_t microseconds_in(const Uuid &id) {
    int64_t millisecond = 0;
    for (int i = 0; i < 6; i++)
        millisecond = millisecond * 256 + id.bytes[i];
    return millisecond * 1000 + (((id.bytes[6] & 0x0F) << 8) | id.bytes[7]) / 4;
}

} // namespace

TEST(Uuid7, CarriesVersionVariantAndInstant) {
    Uuid7Sequence sequence;
    const int64_t instant = 1700000000123456;
    const Uuid id = make_uuid7(sequence, instant, kRandom);
    EXPECT_EQ(id.bytes[6] >> 4, 7);
    EXPECT_EQ(id.bytes[8] >> 6, 2);
    EXPECT_EQ(microseconds_in(id), instant);
    EXPECT_EQ(uuid7_milliseconds(id), instant / 1000);
    EXPECT_EQ(std::memcmp(id.bytes + 9, kRandom + 1, 7), 0);
}

TEST(Uuid7, OtherVersionsHaveNoInstant) {
    Uuid7Sequence sequence;
    Uuid id = make_uuid7(sequence, 1700000000123456, kRandom);
    id.bytes[6] = 0x4F;
    EXPECT_EQ(uuid7_milliseconds(id), -1);
}

TEST(Uuid7, SortsByTheMicrosecond) {
    Uuid7Sequence sequence;
    Uuid last = make_uuid7(sequence, 1700000000999000, kRandom);
    for (int64_t step = 1; step < 5000; step++) {
        const Uuid next = make_uuid7(sequence, 1700000000999000 + step, kRandom);
        ASSERT_TRUE(before(last, next)) << step;
        last = next;
    }
}

TEST(Uuid7, NeverStepsBackWithTheClock) {
    Uuid7Sequence sequence;
    const Uuid first = make_uuid7(sequence, 1700000000000000, kRandom);
    const Uuid second = make_uuid7(sequence, 1600000000000000, kRandom);
    EXPECT_TRUE(before(first, second));
}

TEST(Uuid7, NeverRepeatsWithinAMicrosecond) {
    Uuid7Sequence sequence;
    Uuid last = make_uuid7(sequence, 1700000000000000, kRandom);
    for (int i = 0; i < 100; i++) {
        const Uuid next = make_uuid7(sequence, 1700000000000000, kRandom);
        ASSERT_TRUE(before(last, next));
        last = next;
    }
}

TEST(Uuid7, WhoSharesASequenceNeverSharesAnInstant) {
    constexpr int kThreads = 4;
    constexpr int kEach = 5000;
    Uuid7Sequence sequence;
    std::vector<int64_t> made[kThreads];
    std::vector<std::thread> threads;
    for (std::vector<int64_t> &mine : made)
        threads.emplace_back([&sequence, &mine] {
            for (int i = 0; i < kEach; i++) {
                const Uuid id = make_uuid7(sequence, 1700000000000000 - i, kRandom);
                int64_t instant = 0;
                for (int byte = 0; byte < 8; byte++)
                    instant = instant * 256 + id.bytes[byte];
                mine.push_back(instant);
            }
        });
    for (std::thread &thread : threads)
        thread.join();
    std::set<int64_t> all;
    for (const std::vector<int64_t> &mine : made) {
        EXPECT_TRUE(std::is_sorted(mine.begin(), mine.end()));
        all.insert(mine.begin(), mine.end());
    }
    EXPECT_EQ(all.size(), static_cast<size_t>(kThreads * kEach));
}
