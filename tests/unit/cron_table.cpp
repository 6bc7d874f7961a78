#include "cron_table.hpp"

#include <ctime>
#include <fstream>
#include <sstream>
#include <stdexcept>

namespace ayb::test {
namespace {

std::string utf8(unsigned code) {
    std::string out;
    if (code < 0x80)
        return std::string(1, static_cast<char>(code));
    if (code < 0x800) {
        out += static_cast<char>(0xC0 | code >> 6);
    } else {
        out += static_cast<char>(0xE0 | code >> 12);
        out += static_cast<char>(0x80 | (code >> 6 & 63));
    }
    out += static_cast<char>(0x80 | (code & 63));
    return out;
}

/* The escape behind the backslash at `at`, which is moved past it. */
std::string take_escape(const std::string &s, std::size_t &at) {
    const char c = s.at(at + 1);
    at += 2;
    if (c == 'x') {
        const auto code = static_cast<unsigned>(std::stoul(s.substr(at, 2), nullptr, 16));
        at += 2;
        return std::string(1, static_cast<char>(code));
    }
    if (c == 'u') {
        const std::size_t end = s.find('}', at);
        const auto code =
            static_cast<unsigned>(std::stoul(s.substr(at + 1, end - at - 1), nullptr, 16));
        at = end + 1;
        return utf8(code);
    }
    const std::string names = "ntr0\\", values("\n\t\r\0\\", 5);
    return std::string(1, values.at(names.find(c)));
}

/* {{x*N}}: the last star stands before the count. */
std::string take_repeat(const std::string &s, std::size_t &at) {
    const std::size_t end = s.find("}}", at);
    const std::size_t star = s.rfind('*', end);
    const std::string what = s.substr(at + 2, star - at - 2);
    std::string out;
    for (unsigned long n = std::stoul(s.substr(star + 1, end - star - 1)); n > 0; --n)
        out += what;
    at = end + 2;
    return out;
}

} // namespace

std::vector<std::vector<std::string>> read_rows(const std::string &file) {
    std::ifstream in(std::string(CRON_CASES) + "/" + file);
    if (!in)
        throw std::runtime_error("no test data: " CRON_CASES "/" + file);
    std::vector<std::vector<std::string>> rows;
    std::string line;
    std::getline(in, line);
    while (std::getline(in, line)) {
        std::vector<std::string> cells;
        std::istringstream cut(line);
        for (std::string cell; std::getline(cut, cell, '\t');)
            cells.push_back(cell);
        rows.push_back(cells);
    }
    return rows;
}

std::int64_t instant(const std::string &text) {
    std::tm tm{};
    if (strptime(text.c_str(), "%Y-%m-%dT%H:%M:%SZ", &tm) == nullptr)
        throw std::runtime_error("bad instant " + text);
    return timegm(&tm);
}

std::string text(std::int64_t instant) {
    const std::time_t t = instant;
    std::tm tm{};
    char out[64];
    if (gmtime_r(&t, &tm) == nullptr || std::strftime(out, sizeof out, "%FT%TZ", &tm) == 0)
        return std::to_string(instant);
    return out;
}

std::string unescape(const std::string &cell) {
    if (cell == "(empty)")
        return "";
    std::string out;
    for (std::size_t at = 0; at < cell.size();) {
        if (cell[at] == '\\')
            out += take_escape(cell, at);
        else if (cell.compare(at, 2, "{{") == 0)
            out += take_repeat(cell, at);
        else
            out += cell[at++];
    }
    return out;
}

} // namespace ayb::test
