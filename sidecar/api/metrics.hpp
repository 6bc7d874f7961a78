#pragma once
// /metrics: Prometheus' text of all databases that are served.
#include "api/events.hpp"

#include <array>
#include <atomic>

namespace ayb::api {

// What the sidecar counts of itself.
struct Counters {
    std::array<std::atomic<unsigned long long>, 6> requests{}; // by the status' first digit
    std::function<std::size_t()> connections = [] { return std::size_t{0}; };
};

std::vector<Route> metrics_routes(const Databases &databases, const Counters &counters,
                                  AllEvents &events);

} // namespace ayb::api
