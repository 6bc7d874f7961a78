#pragma once
// What went wrong, as the contract words it.
#include "db/error.hpp"
#include "http/message.hpp"

#include <initializer_list>
#include <optional>

namespace ayb::api {

struct Failure : std::runtime_error {
    Failure(int code, const std::string &message) : runtime_error(message), status(code) {}

    int status;
    std::string details;
    std::string hint;
    std::string sqlstate;
    std::string field; // the parameter or member that is wrong
};

// A parameter that isn't what its type says: 400 "invalid <name>".
Failure invalid(const std::string &name, const std::string &details);

// What a route answers instead when PostgreSQL says this.
struct Case {
    const char *sqlstate;
    int status;
    std::string message;
};

// The first of a route's own cases that fits, with PostgreSQL's own words; nothing where none does.
std::optional<Failure> translate(const db::Error &error, std::initializer_list<Case> cases);
// What the SQLSTATE says by itself. `has_body`: the request has one, which may be what PostgreSQL
// can't read.
Failure classify(const db::Error &error, bool has_body);
// Whether PostgreSQL misses something of the kind that the extension is made of: who knows whether
// the extension is there can tell what that means.
bool may_lack_extension(const db::Error &error);

http::Response to_response(const Failure &failure);

inline constexpr const char *kInvalidBody = "invalid JSON body";
inline constexpr const char *kNotEnabled = "job queue is not enabled";

} // namespace ayb::api
