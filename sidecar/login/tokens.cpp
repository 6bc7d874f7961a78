#include "login/tokens.hpp"

#include "login/digest.hpp"

#include <algorithm>
#include <charconv>
#include <fstream>
#include <sstream>
#include <stdexcept>

namespace ayb::login {

namespace {

constexpr std::size_t kDigestDigits = 64;

bool is_digest(const std::string &text) {
    return text.size() == kDigestDigits && std::all_of(text.begin(), text.end(), [](char c) {
               return (c >= '0' && c <= '9') || (c >= 'a' && c <= 'f');
           });
}

// What stands before the next '.', which is taken away with it.
std::string_view take_part(std::string_view &rest) {
    const std::size_t dot = std::min(rest.find('.'), rest.size());
    const std::string_view part = rest.substr(0, dot);
    rest.remove_prefix(std::min(dot + 1, rest.size()));
    return part;
}

std::string content_of(const Identity &who, long long end) {
    return who.name + "." + right_text(who) + "." + std::to_string(end);
}

} // namespace

TokenFile::TokenFile(std::string file) : file_(std::move(file)) {
    if (!file_.empty())
        entries_ = read();
}

TokenFile::Entry TokenFile::read_line(const std::string &line) {
    std::istringstream words(line);
    std::string name, right, digest, more;
    words >> name >> right >> digest;
    if (digest.empty() || words >> more)
        throw std::runtime_error("name, right and SHA-256 are wanted");
    if (!is_name(name))
        throw std::runtime_error("a name has letters, digits, _ and -, at most 64");
    const auto known = holder(name, right);
    if (!known)
        throw std::runtime_error("a right is read, operate, admin or work:ROLE");
    if (!is_digest(digest))
        throw std::runtime_error("SHA-256 is 64 hex digits in lower case");
    return {*known, digest};
}

std::vector<TokenFile::Entry> TokenFile::read() const {
    std::ifstream in(file_);
    if (!in)
        throw std::runtime_error(file_ + " can't be read");
    std::vector<Entry> entries;
    std::string line;
    for (int number = 1; std::getline(in, line); number++) {
        const std::size_t first = line.find_first_not_of(" \t\r");
        if (first == std::string::npos || line[first] == '#')
            continue;
        try {
            entries.push_back(read_line(line));
        } catch (const std::runtime_error &error) {
            throw std::runtime_error(file_ + " line " + std::to_string(number) + ": " +
                                     error.what());
        }
    }
    return entries;
}

void TokenFile::reload() {
    if (file_.empty())
        return;
    std::vector<Entry> entries = read();
    const std::lock_guard lock(mutex_);
    entries_.swap(entries);
}

std::optional<Identity> TokenFile::find(std::string_view token) const {
    const std::lock_guard lock(mutex_);
    if (entries_.empty())
        return std::nullopt;
    const std::string digest = hex(sha256(token));
    for (const Entry &entry : entries_)
        if (same_bytes(entry.digest, digest))
            return entry.who;
    return std::nullopt;
}

std::string sealed_token(const Identity &who, long long end, const std::string &key) {
    const std::string content = content_of(who, end);
    return content + "." + hex(hmac(key, content));
}

bool looks_sealed(std::string_view token) {
    return std::count(token.begin(), token.end(), '.') == 3;
}

std::optional<Identity> unsealed(std::string_view token, const std::string &key) {
    std::string_view rest = token;
    const std::string_view name = take_part(rest);
    auto who = holder(name, take_part(rest));
    const std::string_view until = take_part(rest);
    long long end = 0;
    const auto read = std::from_chars(until.data(), until.data() + until.size(), end);
    if (!who || read.ec != std::errc() || end <= unix_now() ||
        !same_bytes(token, sealed_token(*who, end, key)))
        return std::nullopt;
    return who;
}

} // namespace ayb::login
