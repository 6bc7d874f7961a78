#include "core/topology.hpp"

#include <algorithm>
#include <queue>

namespace ayb::core {

namespace {

// Of the steps that are left each waits for one that is left: who follows these comes round.
std::vector<int> find_cycle(const Steps &after, const std::vector<int> &missing) {
    const auto is_left = [&](int step) { return missing[step] > 0; };
    std::vector<int> path;
    std::vector<bool> met(after.size());
    int step = 0;
    while (!is_left(step))
        step++;
    while (!met[step]) {
        met[step] = true;
        path.push_back(step);
        step = *std::find_if(after[step].begin(), after[step].end(), is_left);
    }
    path.erase(path.begin(), std::find(path.begin(), path.end(), step));
    return path;
}

} // namespace

Topology sort_steps(const Steps &after) {
    const int count = static_cast<int>(after.size());
    Topology result;
    Steps before(count);
    std::vector<int> missing(count);
    std::priority_queue<int, std::vector<int>, std::greater<>> ready;
    for (int step = 0; step < count; step++) {
        missing[step] = static_cast<int>(after[step].size());
        for (const int awaited : after[step])
            before[awaited].push_back(step);
        if (missing[step] == 0)
            ready.push(step);
    }
    while (!ready.empty()) {
        const int step = ready.top();
        ready.pop();
        result.order.push_back(step);
        for (const int waiting : before[step])
            if (--missing[waiting] == 0)
                ready.push(waiting);
    }
    if (static_cast<int>(result.order.size()) < count)
        result.cycle = find_cycle(after, missing);
    return result;
}

} // namespace ayb::core
