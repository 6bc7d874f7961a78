#include "core/uuid7.hpp"

namespace ayb::core {

namespace {

// Twelve bits hold 4096 steps a millisecond, four of them to a microsecond (and 96 left over).
constexpr int64_t kTicksPerMicrosecond = 4;
constexpr int64_t kTicksPerMillisecond = kTicksPerMicrosecond * 1000;

} // namespace

Uuid make_uuid7(Uuid7Sequence &sequence, int64_t unix_microseconds,
                const uint8_t (&random)[8]) noexcept {
    int64_t tick = unix_microseconds * kTicksPerMicrosecond;
    if (tick <= sequence.last_tick)
        tick = sequence.last_tick + 1;
    sequence.last_tick = tick;

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

int64_t uuid7_microseconds(const Uuid &id) noexcept {
    int64_t millisecond = 0;
    for (int i = 0; i < 6; i++)
        millisecond = millisecond * 256 + id.bytes[i];
    const int64_t fraction = ((id.bytes[6] & 0x0F) << 8) | id.bytes[7];
    return millisecond * 1000 + fraction / kTicksPerMicrosecond;
}

} // namespace ayb::core
