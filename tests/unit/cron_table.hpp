#pragma once

#include <cstdint>
#include <string>
#include <vector>

/* Reading and writing what cron tests talk about: rows, instants, escaped expressions. */
namespace ayb::test {

/* The cells of each line but the first; `file` under the test data directory. Throws when absent.
 */
std::vector<std::vector<std::string>> read_rows(const std::string &file);

/* "2024-03-10T07:00:00Z" to Unix seconds, and back; by the C library, not by the code under test.
 */
std::int64_t instant(const std::string &text);
std::string text(std::int64_t instant);

/* invalid.tsv's notation: (empty), {{x*N}}, \n \t \r \0 \\ \xNN \u{HEX}. */
std::string unescape(const std::string &cell);

} // namespace ayb::test
