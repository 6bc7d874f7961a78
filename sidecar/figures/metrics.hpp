#pragma once
// /metrics: Prometheus' text of all databases that are served, and of the process itself.
#include "figures/page.hpp"
#include "route/databases.hpp"
#include "route/router.hpp"

#include <array>
#include <atomic>
#include <chrono>

namespace ayb::figures {

// What the process counts of itself.
class Counters {
  public:
    // A request was answered.
    void note(int status, std::chrono::microseconds took);
    void add_to(Page &page) const;

    std::function<std::size_t()> connections = [] { return std::size_t{0}; };
    std::function<std::size_t()> listeners = [] { return std::size_t{0}; };
    std::function<std::size_t()> realtime_listeners = [] { return std::size_t{0}; };
    std::function<unsigned long long()> realtime_events = [] { return 0ULL; };

  private:
    using Count = std::atomic<unsigned long long>;
    static constexpr std::array kBounds{0.001, 0.0025, 0.005, 0.01, 0.025, 0.05,
                                        0.1,   0.25,   0.5,   1.0,  10.0}; // seconds

    std::array<Count, 500> statuses_{}; // from 100 on
    std::array<Count, kBounds.size() + 1> times_{};
    Count microseconds_{0};
};

struct Shown {
    int most_types = 100; // so many have series of their own
    bool wants_token = false;
};

std::vector<api::Route> metrics_routes(const api::Databases &databases, const Counters &counters,
                                       const Shown &shown);

} // namespace ayb::figures
