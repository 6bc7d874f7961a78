#pragma once
// What a program's end says of its job.
#include "work/job.hpp"

#include <string_view>

namespace ayb::work {

inline constexpr std::size_t kLongestOutput = 16 * 1024 * 1024;
inline constexpr std::size_t kLongestError =
    8 * 1024 - 1; // of what is longer the database keeps the beginning

// How a program ended.
struct Ending {
    int status = 0;        // as waitpid() gives it
    int start_error = 0;   // errno, where it couldn't be started
    bool too_long = false; // its stdout
    std::string out;
    std::string err; // the last of stderr
};

// Exit status 0 completes the job with what stdout has. 65 (EX_DATAERR) and 78 (EX_CONFIG) fail it
// for good, as does a stdout that can be no result; every other end is tried again.
Report report_of(const Job &job, const Ending &ending);

// Output as a result: JSON where it is that, else a JSON string of it without the line breaks at
// its end; nothing of an output that is empty. `wrong` says why it can be no result, else "".
struct Output {
    std::optional<std::string> result;
    std::string wrong;
};
Output result_of(std::string_view out);

// JSON text with \\u0000 taken for another character, and why that is no result.
std::string without_nul(std::string json);
inline constexpr const char *kHasNul =
    "JSON of stdout has the character \\u0000, which PostgreSQL doesn't store";

// The result as a JSON string of its text: nothing where it is one.
std::optional<std::string> as_text(const std::string &result);

// The last kLongestError bytes as UTF-8 text that a database takes: what is none becomes '?'.
std::string error_text(std::string_view err);

} // namespace ayb::work
