#include "work/outcome.hpp"

#include "json/json.hpp"
#include "json/scanner.hpp"

#include <sys/wait.h>
#include <sysexits.h>

#include <cstring>

namespace ayb::work {

namespace {

constexpr const char *kTooLong = "stdout exceeds 16 MB";

bool is_json(std::string_view text) {
    try {
        json::check(text);
        return true;
    } catch (const json::Error &) {
        return false;
    }
}

// Of no character, or cut in its middle.
bool is_utf8(std::string_view text) { return is_json(json::quote(text)); }

std::string_view without_line_ends(std::string_view text) {
    while (!text.empty() && (text.back() == '\n' || text.back() == '\r'))
        text.remove_suffix(1);
    return text;
}

// How many bytes the character at the beginning has; 0 where there is none.
std::size_t character(std::string_view text) {
    for (std::size_t size = 1; size <= std::min<std::size_t>(4, text.size()); size++)
        if (is_utf8(text.substr(0, size)))
            return size;
    return 0;
}

std::string how_it_ended(int status) {
    if (WIFSIGNALED(status))
        return "the program was ended by signal " + std::to_string(WTERMSIG(status)) + " (" +
               strsignal(WTERMSIG(status)) + ")";
    return "the program ended with exit status " + std::to_string(WEXITSTATUS(status));
}

// What it said; where that is nothing, or it didn't come to its own end, how it ended.
std::string why_failed(const Ending &ending) {
    std::string said = error_text(without_line_ends(ending.err));
    if (said.empty() || WIFSIGNALED(ending.status))
        said += (said.empty() ? "" : "\n") + how_it_ended(ending.status);
    return error_text(said);
}

Output result_of_json(std::string_view json) {
    json::Scanner scanner(json);
    scanner.value();
    if (json.size() + scanner.hidden_digits() > kLongestOutput)
        return {{}, "stdout exceeds 16 MB where its numbers are written out"};
    return {std::string(json), ""};
}

Report failed(Report report, const std::string &error, bool final) {
    report.completed = false;
    report.error = error;
    report.final = final;
    return report;
}

} // namespace

// A backslash stands in strings alone, and a pair of them is a character.
std::string without_nul(std::string json) {
    for (std::size_t at = json.find('\\'); at < json.size(); at = json.find('\\', at + 2))
        if (json.compare(at + 1, 5, "u0000") == 0)
            json[at + 5] = '1';
    return json;
}

Output result_of(std::string_view out) {
    if (out.size() > kLongestOutput)
        return {{}, kTooLong};
    if (out.find('\0') != std::string_view::npos)
        return {{}, "stdout has a NUL byte, which PostgreSQL doesn't store"};
    if (is_json(out))
        return result_of_json(out);
    if (is_json(without_nul(std::string(out))))
        return {{}, kHasNul};
    const std::string_view text = without_line_ends(out);
    if (text.empty())
        return {{}, ""};
    std::string quoted = json::quote(text);
    if (!is_json(quoted))
        return {{}, "stdout is no UTF-8"};
    return {std::move(quoted), ""};
}

std::optional<std::string> as_text(const std::string &result) {
    const std::size_t first = result.find_first_not_of(" \t\r\n");
    if (first == std::string::npos || result[first] == '"')
        return std::nullopt;
    return json::quote(without_line_ends(result));
}

std::string error_text(std::string_view err) {
    if (err.size() > kLongestError)
        err.remove_prefix(err.size() - kLongestError);
    // What remains of a character whose beginning is cut off.
    while (!err.empty() && (static_cast<unsigned char>(err.front()) & 0xC0) == 0x80)
        err.remove_prefix(1);
    if (err.find('\0') == std::string_view::npos && is_utf8(err))
        return std::string(err);
    std::string text;
    while (!err.empty()) {
        const std::size_t size = err.front() == '\0' ? 0 : character(err);
        text += size == 0 ? std::string_view("?") : err.substr(0, size);
        err.remove_prefix(std::max<std::size_t>(size, 1));
    }
    return text;
}

Report report_of(const Job &job, const Ending &ending) {
    Report report;
    report.id = job.id;
    report.attempt = job.attempt;
    if (ending.start_error != 0)
        return failed(report,
                      std::string("the program can't be started: ") + strerror(ending.start_error),
                      false);
    if (ending.too_long)
        return failed(report, kTooLong, true);
    if (!WIFEXITED(ending.status) || WEXITSTATUS(ending.status) != 0) {
        const int code = WIFEXITED(ending.status) ? WEXITSTATUS(ending.status) : EX_TEMPFAIL;
        return failed(report, why_failed(ending), code == EX_DATAERR || code == EX_CONFIG);
    }
    Output output = result_of(ending.out);
    if (!output.wrong.empty())
        return failed(report, output.wrong, true);
    report.completed = true;
    report.result = std::move(output.result);
    return report;
}

} // namespace ayb::work
