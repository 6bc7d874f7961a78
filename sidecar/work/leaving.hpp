#pragma once
// A program that is to end: asked first, and ended where it takes too long.
#include "work/process.hpp"

#include <chrono>

namespace ayb::work {

class Leaving {
  public:
    using Clock = std::chrono::steady_clock;

    bool asked() const { return end_at_ != Clock::time_point::max(); }
    // Asks once. Of a program that only waits for us its input's end is asking enough.
    void ask(Process &process);
    void end_input(Process &process);
    // Ends it where it was asked for long enough.
    void go_on(Process &process) const;

  private:
    void begin();

    Clock::time_point end_at_ = Clock::time_point::max();
};

} // namespace ayb::work
