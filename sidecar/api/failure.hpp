#pragma once
// What went wrong, as the contract words it.
#include "db/error.hpp"
#include "http/message.hpp"

#include <initializer_list>

namespace ayb::api {

struct Failure : std::runtime_error {
    Failure(int code, const std::string &message) : runtime_error(message), status(code) {}

    int status;
    std::string details;
    std::string hint;
    std::string sqlstate;
};

// What a route answers instead when PostgreSQL says this.
struct Case {
    const char *sqlstate;
    int status;
    std::string message;
};

// The first case that fits; else by the SQLSTATE's class. PostgreSQL's own words go along.
Failure translate(const db::Error &error, std::initializer_list<Case> cases = {});

http::Response to_response(const Failure &failure);

constexpr const char *kInvalidBody = "invalid JSON body";
constexpr const char *kNotEnabled = "job queue is not enabled";

} // namespace ayb::api
