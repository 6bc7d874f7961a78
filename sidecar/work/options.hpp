#pragma once
// The command line of `ayb-jobs work`.
#include <chrono>
#include <optional>
#include <stdexcept>
#include <string>
#include <vector>

namespace ayb::work {

// The command line is wrong: exit status 2.
struct UsageError : std::runtime_error {
    using std::runtime_error::runtime_error;
};

struct Options {
    std::vector<std::string> types;
    std::vector<std::string> command; // and its arguments
    std::string dsn;                  // "" takes AYB_JOBS_DSN, else the PG* environment
    std::string name;                 // the worker's, "" makes one
    unsigned concurrency = 8;
    std::chrono::milliseconds lease{60000};
    std::chrono::milliseconds grace{30000};
    std::vector<std::string> environment; // names that the program gets besides
    std::string user;
    bool persistent = false; // programs stay, and get a line for each job
};

// What stands behind `work`. Throws UsageError.
Options read_options(const std::vector<std::string> &words);

// A number with a unit, as 90s, 1m, 2h or 1d, or of seconds; nothing where it is none, or beyond
// what a lease can be.
std::optional<std::chrono::milliseconds> duration_of(const std::string &text);

// What may stand behind `work`, for help, the manual and completion.
struct Word {
    const char *name;
    const char *value; // "" where it takes none
    const char *help;
};
const std::vector<Word> &option_words();

} // namespace ayb::work
