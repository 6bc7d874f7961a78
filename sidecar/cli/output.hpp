#pragma once
// Rows for people (a table) and for programs (CSV).
#include <string>
#include <string_view>
#include <vector>

namespace ayb::cli {

using Row = std::vector<std::string>;

struct Table {
    Row header;
    std::vector<Row> rows;
};

// Columns as wide as they need to be. Where `colour`, the header is bold, and words that tell a
// state have its colour.
std::string as_table(const Table &table, bool colour);

// RFC 4180.
std::string as_csv(const Table &table);

// How long ago an instant of the API is, as people say it: "42s", "5m", "3h", "2d", and "in 5m" of
// what is to come. The text itself where it is no instant.
std::string age(const std::string &instant, long long now);

// What a job says must not steer the terminal: line breaks and tabs become blanks, other control
// characters '?'.
std::string printable(std::string_view text);

// The text in place of what the screen shows; of more lines than fit, the first.
std::string as_screen(const std::string &text, std::size_t rows);

// How many lines the terminal at stdout has.
std::size_t screen_rows();

// Whether stdout is a terminal that wants colours (NO_COLOR is not set).
bool colour_wanted();

} // namespace ayb::cli
