#pragma once
// How a ring of keys (ring.hpp) is named.
#include "memory/part.hpp"

namespace ayb {

inline constexpr int kMaxRings = 1024;
inline constexpr int kPartitionKeyBytes = 256;

// A lane with keys.
struct RingKey {
    Oid database;
    Oid role;
    uint64 type; // its hash
};

RingKey ring_key(Oid role, const char *type);

} // namespace ayb
