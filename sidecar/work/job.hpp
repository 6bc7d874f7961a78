#pragma once
// A job in hand, and what became of it.
#include <optional>
#include <string>

namespace ayb::work {

// As claim() hands it out. Times are RFC 3339, the payload and the meta data JSON text.
struct Job {
    std::string id;
    std::string type;
    std::string payload;
    int attempt = 0;
    int max_attempts = 0;
    std::string run_at;
    std::optional<std::string> partition_key;
    std::optional<std::string> meta;
};

struct Report {
    std::string id;
    int attempt = 0;
    bool unbegun = false; // given back, uncharged: told alone
    bool completed = false;
    std::optional<std::string> result; // JSON text, of a completed job; none is NULL
    std::string error;                 // of a failed one, as are these:
    bool final = false;
    std::optional<std::string> retry_in; // an interval; none is the back-off
    bool alone = false;                  // not to be told with others: it may be refused
};

} // namespace ayb::work
