#include "core/uuid7.hpp"

namespace ayb::core {

namespace {

// Twelve bits hold 4096 steps a millisecond, four of them to a microsecond (and 96 left over).
constexpr int64_t kTicksPerMicrosecond = 4;
constexpr int64_t kTicksPerMillisecond = kTicksPerMicrosecond * 1000;

// Takes this one, or the first that is free after the last one taken.
int64_t take_tick(Uuid7Sequence &sequence, int64_t wanted) noexcept {
    int64_t last = sequence.last_tick.load(std::memory_order_relaxed);
    int64_t tick;
    do
        tick = wanted > last ? wanted : last + 1;
    while (!sequence.last_tick.compare_exchange_weak(last, tick, std::memory_order_relaxed));
    return tick;
}

} // namespace

Uuid make_uuid7(Uuid7Sequence &sequence, int64_t unix_microseconds,
                const uint8_t (&random)[8]) noexcept {
    const int64_t tick = take_tick(sequence, unix_microseconds * kTicksPerMicrosecond);
    const uint64_t millisecond = static_cast<uint64_t>(tick / kTicksPerMillisecond);
    const uint32_t fraction = static_cast<uint32_t>(tick % kTicksPerMillisecond);

    Uuid id{};
    for (int i = 0; i < 6; i++)
        id.bytes[i] = static_cast<uint8_t>(millisecond >> (40 - 8 * i));
    id.bytes[6] = static_cast<uint8_t>(0x70U | (fraction >> 8U));
    id.bytes[7] = static_cast<uint8_t>(fraction);
    id.bytes[8] = static_cast<uint8_t>(0x80U | (random[0] & 0x3FU));
    for (int i = 1; i < 8; i++)
        id.bytes[8 + i] = random[i];
    return id;
}

int64_t uuid7_milliseconds(const Uuid &id) noexcept {
    if (id.bytes[6] >> 4U != 7)
        return -1;
    int64_t milliseconds = 0;
    for (int i = 0; i < 6; i++)
        milliseconds = milliseconds << 8 | id.bytes[i];
    return milliseconds;
}

} // namespace ayb::core
