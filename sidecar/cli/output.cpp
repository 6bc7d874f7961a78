#include "cli/output.hpp"

#include <algorithm>
#include <cstdlib>
#include <unistd.h>

namespace ayb::cli {

namespace {

// Characters, not bytes; good enough for what has no wide ones.
std::size_t width(const std::string &text) {
    return static_cast<std::size_t>(std::count_if(text.begin(), text.end(), [](char c) {
        return (static_cast<unsigned char>(c) & 0xC0) != 0x80;
    }));
}

const char *colour_of(const std::string &word) {
    struct Known {
        std::string_view word;
        const char *code;
    };
    constexpr Known kKnown[] = {{"completed", "\x1b[32m"}, {"ok", "\x1b[32m"},
                                {"success", "\x1b[32m"},   {"running", "\x1b[36m"},
                                {"warning", "\x1b[33m"},   {"canceled", "\x1b[33m"},
                                {"failed", "\x1b[31m"},    {"error", "\x1b[31m"}};
    for (const Known &known : kKnown)
        if (known.word == word)
            return known.code;
    return nullptr;
}

std::vector<std::size_t> widths(const Table &table) {
    std::vector<std::size_t> widest;
    for (const std::string &name : table.header)
        widest.push_back(width(name));
    for (const Row &row : table.rows)
        for (std::size_t i = 0; i < row.size(); i++)
            widest[i] = std::max(widest[i], width(printable(row[i])));
    return widest;
}

std::string table_line(const Row &row, const std::vector<std::size_t> &widths, bool colour,
                       bool bold) {
    std::string line;
    for (std::size_t i = 0; i < row.size(); i++) {
        const std::string text = printable(row[i]);
        const char *code = !colour ? nullptr : bold ? "\x1b[1m" : colour_of(text);
        line += code != nullptr ? code + text + "\x1b[0m" : text;
        if (i + 1 < row.size())
            line.append(widths[i] - width(text) + 2, ' ');
    }
    return line + "\n";
}

std::string csv_line(const Row &row) {
    std::string line;
    for (const std::string &text : row) {
        line += line.empty() ? "" : ",";
        if (text.find_first_of("\",\r\n") == std::string::npos && !text.empty()) {
            line += text;
            continue;
        }
        line += '"';
        for (const char c : text)
            line.append(c == '"' ? 2 : 1, c);
        line += '"';
    }
    return line + "\r\n";
}

} // namespace

std::string printable(std::string_view text) {
    std::string out(text);
    for (char &c : out)
        if (static_cast<unsigned char>(c) < 0x20 || c == 0x7F)
            c = '?';
    return out;
}

std::string as_table(const Table &table, bool colour) {
    const std::vector<std::size_t> widest = widths(table);
    std::string out = table_line(table.header, widest, colour, true);
    for (const Row &row : table.rows)
        out += table_line(row, widest, colour, false);
    return out;
}

std::string as_csv(const Table &table) {
    std::string out = csv_line(table.header);
    for (const Row &row : table.rows)
        out += csv_line(row);
    return out;
}

bool colour_wanted() {
    const char *no = std::getenv("NO_COLOR");
    return isatty(STDOUT_FILENO) == 1 && (no == nullptr || *no == '\0');
}

} // namespace ayb::cli
