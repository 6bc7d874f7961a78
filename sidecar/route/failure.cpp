#include "route/failure.hpp"

#include "json/json.hpp"

#include <sstream>

namespace ayb::api {

namespace {

// Whether all words of the message stand in the text, in their order.
bool says(const std::string &text, const std::string &message) {
    std::istringstream words(message);
    std::size_t at = 0;
    for (std::string word; words >> word; at += word.size())
        if ((at = text.find(word, at)) == std::string::npos)
            return false;
    return true;
}

void append(std::string &body, const char *name, const std::string &value) {
    if (!value.empty())
        body += std::string(",\"") + name + "\":" + json::quote(value);
}

} // namespace

std::string in_one(const std::string &message, const std::string &details) {
    return details.empty() ? message : says(details, message) ? details : message + ": " + details;
}

Failure invalid(const std::string &name, const std::string &details) {
    Failure failure(400, "invalid " + name);
    failure.details = details;
    failure.field = name;
    return failure;
}

Failure database_away(const std::string &details) {
    Failure failure(503, "the database is not available");
    failure.details = details;
    failure.reason = "database_away";
    return failure;
}

http::Response to_response(const Failure &failure) {
    http::Response response = http::error_response(failure.status, failure.what());
    response.body.pop_back();
    append(response.body, "details", failure.details);
    append(response.body, "hint", failure.hint);
    append(response.body, "sqlstate", failure.sqlstate);
    append(response.body, "field", failure.field);
    append(response.body, "reason", failure.reason);
    response.body += '}';
    if (failure.status == 503)
        response.headers.emplace_back("Retry-After", "1");
    return response;
}

} // namespace ayb::api
