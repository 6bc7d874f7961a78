#include "jobs/job_filter.hpp"

#include "route/values.hpp"

namespace ayb::api {

namespace {

db::Parameter unless_empty(const std::string &value) {
    return value.empty() ? std::nullopt : db::Parameter(value);
}

} // namespace

db::Parameters count_filter(const http::Query &query) {
    return {unless_empty(query["type"]), time_of(query, "since"), time_of(query, "until"),
            unless_empty(query["phase"]), unless_empty(query["q"])};
}

db::Parameters find_filter(const http::Query &query, const std::string &state) {
    db::Parameters filter = count_filter(query);
    filter.emplace_back(uuid_of(query, "cursor"));
    filter.emplace_back(unless_empty(state));
    return filter;
}

} // namespace ayb::api
