#pragma once
// What went wrong, as the contract words it.
#include "http/message.hpp"

#include <stdexcept>

namespace ayb::api {

struct Failure : std::runtime_error {
    Failure(int code, const std::string &message) : runtime_error(message), status(code) {}

    int status;
    std::string details;
    std::string hint;
    std::string sqlstate;
    std::string field;  // the parameter or member that is wrong
    std::string reason; // which failure it is, where the status alone doesn't say
};

// Message and details as one line. What the details say in other words is not said twice.
std::string in_one(const std::string &message, const std::string &details);

// A parameter that isn't what its type says: 400 "invalid <name>".
Failure invalid(const std::string &name, const std::string &details);

// 503: the database can't be reached.
Failure database_away(const std::string &details = "");

http::Response to_response(const Failure &failure);

inline constexpr const char *kInvalidBody = "invalid JSON body";
inline constexpr const char *kNotEnabled = "job queue is not enabled";

} // namespace ayb::api
