#pragma once
// How long a failed job waits before its next attempt.
#include <cstdint>

namespace ayb::core {

// The default: min(5 s * 2^(attempt - 1), 5 min) plus up to 1 s of jitter, in milliseconds.
// `attempt` counts from 1 (smaller values count as 1); `jitter` lies in [0, 1).
int64_t default_backoff_ms(int attempt, double jitter) noexcept;

// A handler's own steps: the wait after attempt n is the n-th step, the last one for all further
// attempts; no jitter. `count` must be at least 1.
int64_t stepped_backoff_ms(int attempt, const int64_t *steps_ms, int count) noexcept;

} // namespace ayb::core
