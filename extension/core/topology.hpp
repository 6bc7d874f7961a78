#pragma once
// The order in which steps come that wait for each other.
#include <vector>

namespace ayb::core {

// One step after another: `after[i]` are the numbers of the steps that step i waits for.
using Steps = std::vector<std::vector<int>>;

struct Topology {
    std::vector<int> order; // each step behind all that it waits for, else as they were given
    std::vector<int> cycle; // where there is no such order: steps each of which waits for the next
                            // one, and the last for the first
};

Topology sort_steps(const Steps &after);

} // namespace ayb::core
