#pragma once
// Where the command line asks: the API's routes, run in this process over libpq or by HTTP. So both
// say the same.
#include <memory>
#include <stdexcept>
#include <string>

namespace ayb::cli {

// What was asked for could not be done.
struct CommandError : std::runtime_error {
    using std::runtime_error::runtime_error;
};

// Nobody answers there.
struct Unreachable : CommandError {
    using CommandError::CommandError;
};

struct Reply {
    int status;
    std::string body;
};

// The API refused it. `what()` is its message in plain words.
struct Refused : CommandError {
    Refused(const std::string &message, Reply answer, std::string advice)
        : CommandError(message), reply(std::move(answer)), hint(std::move(advice)) {}

    Reply reply;
    std::string hint;
};

class Source {
  public:
    Source() = default;
    virtual ~Source() = default;
    Source(const Source &) = delete;
    Source &operator=(const Source &) = delete;

    // `path` begins behind /api/admin. Throws Unreachable.
    virtual Reply ask(const std::string &method, const std::string &path,
                      const std::string &body) = 0;
};

std::unique_ptr<Source> database_source(const std::string &dsn);
std::unique_ptr<Source> api_source(const std::string &url, const std::string &token);

} // namespace ayb::cli
