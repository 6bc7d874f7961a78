#pragma once
// UUIDs of version 7 (RFC 9562, section 6.2, method 3): a millisecond count and twelve bits of the
// fraction below it, so that ids sort by the microsecond in which they were made.
#include <atomic>
#include <cstdint>
#include <cstring>

namespace ayb::core {

struct Uuid {
    uint8_t bytes[16];
};

// The order of uuid in SQL.
inline bool operator==(const Uuid &one, const Uuid &other) {
    return memcmp(one.bytes, other.bytes, sizeof(one.bytes)) == 0;
}
inline bool operator<(const Uuid &one, const Uuid &other) {
    return memcmp(one.bytes, other.bytes, sizeof(one.bytes)) < 0;
}

// The last instant handed out: ids of all who share it never step back or repeat, whatever their
// clock does. May lie in shared memory; all zeros is a new one.
struct Uuid7Sequence {
    std::atomic<int64_t> last_tick{0};
};
static_assert(std::atomic<int64_t>::is_always_lock_free);

// Makes the id for `unix_microseconds` (>= 0). Where that instant is not after the last one of
// `sequence`, the next free tick of a quarter microsecond is taken instead. `random` must come from
// a cryptographic source. Never fails.
Uuid make_uuid7(Uuid7Sequence &sequence, int64_t unix_microseconds,
                const uint8_t (&random)[8]) noexcept;

// The millisecond since 1970 in which an id was made; -1 of one that isn't of version 7.
int64_t uuid7_milliseconds(const Uuid &id) noexcept;

} // namespace ayb::core
