#include "route/router.hpp"

#include <algorithm>

namespace ayb::api {

namespace {

std::vector<std::string> split(std::string_view path) {
    std::vector<std::string> segments;
    if (!path.empty() && path.front() == '/')
        path.remove_prefix(1);
    if (!path.empty() && path.back() == '/')
        path.remove_suffix(1);
    for (;;) {
        const std::size_t end = std::min(path.find('/'), path.size());
        segments.emplace_back(path.substr(0, end));
        if (end == path.size())
            return segments;
        path.remove_prefix(end + 1);
    }
}

// Nothing where the path doesn't fit; else what stood for the braces.
std::optional<std::vector<std::string>> fit(const std::vector<std::string> &pattern,
                                            const std::vector<std::string> &path) {
    if (pattern.size() != path.size())
        return std::nullopt;
    std::vector<std::string> taken;
    for (std::size_t i = 0; i < path.size(); i++) {
        if (!pattern[i].empty() && pattern[i].front() == '{')
            taken.push_back(http::decode(path[i], false).value_or(std::string()));
        else if (pattern[i] != path[i])
            return std::nullopt;
    }
    return taken;
}

} // namespace

void Router::add(std::vector<Route> routes) {
    for (Route &route : routes) {
        std::vector<std::string> pattern = split(route.path);
        entries_.push_back({std::move(route), std::move(pattern)});
    }
}

// A path without braces goes before one with them, so that /jobs/stats is no job's id.
Router::Match Router::match(const std::string &method, const std::string &path) const {
    const std::string wanted = method == "HEAD" ? "GET" : method;
    const std::vector<std::string> segments = split(path);
    Match match;
    for (const auto &[route, pattern] : entries_) {
        auto taken = fit(pattern, segments);
        if (!taken)
            continue;
        match.allowed += (match.allowed.empty() ? "" : ", ") + std::string(route.method);
        const bool better = match.route == nullptr || taken->size() < match.segments.size();
        if (wanted == route.method && better) {
            match.route = &route;
            match.segments = std::move(*taken);
        }
    }
    return match;
}

} // namespace ayb::api
