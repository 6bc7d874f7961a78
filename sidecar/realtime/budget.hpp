#pragma once
// How long the database may think about what one identity may see: so many milliseconds of each
// second. Who needs more has to wait; who needs that at a single time has gone too far, and who
// does so again and again is let go.
#include <chrono>
#include <deque>

namespace ayb::realtime {

class Budget {
  public:
    using Clock = std::chrono::steady_clock;

    explicit Budget(std::chrono::milliseconds a_second) : a_second_(a_second) {}

    // So much was needed, at a time. False where that is more than a second has; so is whatever was
    // cut off.
    bool spend(Clock::time_point now, Clock::duration took, bool cut_off);
    // Nothing may be asked before.
    Clock::time_point free_at() const { return free_at_; }
    // Whether it was too much three times within a minute.
    bool exhausted(Clock::time_point now) const;
    // Whether nothing has to be remembered of it.
    bool forgettable(Clock::time_point now) const;

  private:
    const std::chrono::milliseconds a_second_;
    Clock::time_point begin_; // of the second that counts
    Clock::duration spent_{0};
    Clock::time_point free_at_;
    std::deque<Clock::time_point> strikes_; // the last three at most
};

} // namespace ayb::realtime
