#include "route/wait.hpp"

#include "route/failure.hpp"

#include <charconv>

namespace ayb::api {

namespace {

constexpr long long kLongestWait = 60;

} // namespace

std::chrono::seconds wait_of(const http::Query &query) {
    const std::string &text = query["wait"];
    long long seconds = 0;
    const char *end = text.data() + text.size();
    const auto read = std::from_chars(text.data(), end, seconds);
    if (!text.empty() &&
        (read.ec != std::errc() || read.ptr != end || seconds < 0 || seconds > kLongestWait))
        throw invalid("wait", "seconds, from 0 to " + std::to_string(kLongestWait));
    return std::chrono::seconds(seconds);
}

} // namespace ayb::api
