#pragma once
// What a database says of itself.
#include "figures/page.hpp"
#include "route/databases.hpp"

#include <chrono>
#include <future>

namespace ayb::figures {

// A database that may still be saying what it has. For one thread at a time.
class Asked {
  public:
    using Clock = std::chrono::steady_clock;

    // At most `most` types have series of their own, and limits and views series at all.
    Asked(const api::NamedPool &database, int most) : database_(database), most_(most) {}

    // Unless it is still asked since the last time.
    void ask();
    // One that has not said it by then isn't up.
    void add_to(Page &page, Clock::time_point end);

    struct Said {
        bool up;
        Page page;
    };

  private:
    void count_phases();

    const api::NamedPool &database_;
    const int most_;
    std::future<Said> said_;
    // What is counted row by row is asked for by itself: seldom, and nobody waits for it.
    std::future<Page> phases_;
    Page counted_;
    Clock::time_point asked_{};
    Clock::duration took_{};
};

} // namespace ayb::figures
