#pragma once
#include "http/query.hpp"

#include <chrono>

namespace ayb::api {

// How long a request wants to wait for its answer: parameter `wait`, in seconds, at most a minute;
// 0 where there is none. Throws Failure.
std::chrono::seconds wait_of(const http::Query &query);

} // namespace ayb::api
