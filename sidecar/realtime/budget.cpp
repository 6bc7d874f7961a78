#include "realtime/budget.hpp"

#include <algorithm>

namespace ayb::realtime {

namespace {

constexpr std::chrono::seconds kSecond{1};
constexpr std::chrono::seconds kMinute{60};
constexpr std::size_t kMostStrikes = 3;

} // namespace

bool Budget::spend(Clock::time_point now, Clock::duration took, bool cut_off) {
    if (now - begin_ >= kSecond) {
        begin_ = now - took;
        spent_ = Clock::duration(0);
    }
    spent_ += took;
    if (spent_ <= a_second_ && !cut_off)
        return true;
    free_at_ = std::max(begin_ + kSecond, now);
    spent_ = Clock::duration(0);
    if (took <= a_second_ && !cut_off)
        return true;
    if (cut_off)
        free_at_ = now + kSecond;
    strikes_.push_back(now);
    if (strikes_.size() > kMostStrikes)
        strikes_.pop_front();
    return false;
}

bool Budget::exhausted(Clock::time_point now) const {
    return strikes_.size() == kMostStrikes && now - strikes_.front() < kMinute;
}

bool Budget::forgettable(Clock::time_point now) const {
    return now - begin_ >= kSecond && now >= free_at_ &&
           (strikes_.empty() || now - strikes_.back() >= kMinute);
}

} // namespace ayb::realtime
