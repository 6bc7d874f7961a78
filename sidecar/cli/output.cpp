#include "cli/output.hpp"

#include <algorithm>
#include <clocale>
#include <cstdlib>
#include <ctime>
#include <cwchar>
#include <sys/ioctl.h>
#include <unistd.h>

namespace ayb::cli {

namespace {

// Columns of a terminal. What is no UTF-8 counts as one each byte.
std::size_t width(const std::string &text) {
    static const locale_t utf8 = newlocale(LC_CTYPE_MASK, "C.UTF-8", nullptr);
    const locale_t before = uselocale(utf8);
    std::size_t columns = 0;
    std::mbstate_t state{};
    for (std::size_t at = 0; at < text.size();) {
        wchar_t character = 0;
        const std::size_t length =
            std::mbrtowc(&character, text.data() + at, text.size() - at, &state);
        const bool bad = length == 0 || length > text.size();
        if (bad)
            state = {};
        at += bad ? 1 : length;
        columns += bad ? 1 : static_cast<std::size_t>(std::max(wcwidth(character), 0));
    }
    uselocale(before);
    return columns;
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

struct Unit {
    long long seconds;
    char letter;
};
constexpr Unit kUnits[] = {{86400, 'd'}, {3600, 'h'}, {60, 'm'}, {1, 's'}};

// At least two of the unit, so that no more than half of the age is cut off.
std::string rounded(long long seconds) {
    for (const auto &[length, letter] : kUnits)
        if (seconds >= 2 * length)
            return std::to_string(seconds / length) + letter;
    return std::to_string(seconds) + "s";
}

} // namespace

std::string age(const std::string &instant, long long now) {
    std::tm time{};
    const char *rest = strptime(instant.c_str(), "%Y-%m-%dT%H:%M:%S", &time);
    if (rest == nullptr)
        return instant;
    const long long ago = now - timegm(&time);
    return ago >= 0 ? rounded(ago) : "in " + rounded(-ago);
}

std::string printable(std::string_view text) {
    std::string out;
    for (std::size_t at = 0; at < text.size(); at++) {
        const auto c = static_cast<unsigned char>(text[at]);
        // U+0080 to U+009F are control characters, too.
        const bool second_half =
            c == 0xC2 && at + 1 < text.size() && static_cast<unsigned char>(text[at + 1]) < 0xA0;
        at += second_half ? 1 : 0;
        if (c == '\n' || c == '\t')
            out += ' ';
        else if (c < 0x20 || c == 0x7F || second_half)
            out += '?';
        else
            out += static_cast<char>(c);
    }
    return out;
}

std::string as_screen(const std::string &text, std::size_t rows) {
    std::string out = "\x1b[H\x1b[?7l"; // home; lines are cut, not wrapped
    std::size_t at = 0;
    for (std::size_t row = 1; row < rows && at < text.size(); row++) {
        const std::size_t end = std::min(text.find('\n', at), text.size());
        out.append(text, at, end - at).append("\x1b[K\n");
        at = end + 1;
    }
    return out + "\x1b[J\x1b[?7h";
}

std::size_t screen_rows() {
    winsize size{};
    const bool known = ioctl(STDOUT_FILENO, TIOCGWINSZ, &size) == 0 && size.ws_row > 1;
    return known ? size.ws_row : 24;
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
