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

struct Reply {
    int status;
    std::string body;
};

class Source {
  public:
    Source() = default;
    virtual ~Source() = default;
    Source(const Source &) = delete;
    Source &operator=(const Source &) = delete;

    // `path` begins behind /api/admin. Throws CommandError where nobody answers.
    virtual Reply ask(const std::string &method, const std::string &path,
                      const std::string &body) = 0;
};

std::unique_ptr<Source> database_source(const std::string &dsn);
std::unique_ptr<Source> api_source(const std::string &url, const std::string &token);

} // namespace ayb::cli
