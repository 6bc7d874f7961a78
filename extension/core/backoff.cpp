#include "core/backoff.hpp"

#include <algorithm>

namespace ayb::core {

namespace {

constexpr int64_t kFirstMs = 5'000;
constexpr int64_t kLongestMs = 300'000;
constexpr double kJitterMs = 1'000.0;

} // namespace

int64_t default_backoff_ms(int attempt, double jitter) noexcept {
    int64_t wait = kFirstMs;
    for (int i = 1; i < attempt && wait < kLongestMs; i++)
        wait *= 2;
    return std::min(wait, kLongestMs) + static_cast<int64_t>(kJitterMs * jitter);
}

int64_t stepped_backoff_ms(int attempt, const int64_t *steps_ms, int count) noexcept {
    const int index = std::clamp(attempt - 1, 0, count - 1);
    return std::max<int64_t>(steps_ms[index], 0);
}

} // namespace ayb::core
