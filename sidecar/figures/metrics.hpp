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

  private:
    using Count = std::atomic<unsigned long long>;
    static const std::vector<double> kBounds; // seconds

    std::array<Count, 500> statuses_{}; // from 100 on
    std::array<Count, 12> times_{};     // one more than there are bounds
    Count microseconds_{0};
};

// `most`: what the setting metrics-types says.
std::vector<api::Route> metrics_routes(const api::Databases &databases, const Counters &counters,
                                       int most);

} // namespace ayb::figures
