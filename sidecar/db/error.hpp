#pragma once
#include <stdexcept>
#include <string>

namespace ayb::db {

// PostgreSQL refused a statement.
struct Error : std::runtime_error {
    Error(const std::string &message, std::string state)
        : runtime_error(message), sqlstate(std::move(state)) {}

    std::string sqlstate;
    std::string severity;
    std::string detail;
    std::string hint;
    std::string column; // what it is about, where the server names that
    std::string schema; // and the table, likewise
    std::string table;
    std::size_t statement = 0; // which one failed of those that were sent together
};

// There is no database to ask now, or no free connection to it. What was asked for may have been
// done only where `sent`.
struct Unavailable : std::runtime_error {
    explicit Unavailable(const std::string &message, bool was_sent = false)
        : runtime_error(message), sent(was_sent) {}

    bool sent;
};

} // namespace ayb::db
