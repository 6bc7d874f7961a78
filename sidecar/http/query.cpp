#include "http/query.hpp"

#include "json/json.hpp"

#include <charconv>
#include <cstdio>

namespace ayb::http {

namespace {

bool is_text(const std::string &text) {
    if (text.find('\0') != std::string::npos)
        return false;
    try {
        json::check(json::quote(text));
        return true;
    } catch (const json::Error &) {
        return false;
    }
}

// The byte of "%XX" at text[at]; -1 where it is broken.
int escaped_byte(std::string_view text, std::size_t at) {
    unsigned byte = 0;
    if (at + 2 >= text.size())
        return -1;
    const char *last = text.data() + at + 3;
    const auto result = std::from_chars(text.data() + at + 1, last, byte, 16);
    return result.ec == std::errc() && result.ptr == last ? static_cast<int>(byte) : -1;
}

} // namespace

std::optional<std::string> decode(std::string_view text, bool plus) {
    std::string out;
    for (std::size_t at = 0; at < text.size(); at++) {
        if (text[at] == '%') {
            const int byte = escaped_byte(text, at);
            if (byte < 0)
                return std::nullopt;
            out.push_back(static_cast<char>(byte));
            at += 2;
        } else {
            out.push_back(plus && text[at] == '+' ? ' ' : text[at]);
        }
    }
    if (!is_text(out))
        return std::nullopt;
    return out;
}

std::string encode(std::string_view text) {
    std::string out;
    for (const char c : text) {
        const bool plain = (c >= '0' && c <= '9') || ((c | 0x20) >= 'a' && (c | 0x20) <= 'z') ||
                           c == '-' || c == '_' || c == '.' || c == '~';
        char code[4];
        std::snprintf(code, sizeof(code), "%%%02X", static_cast<unsigned char>(c));
        out.append(plain ? std::string_view(&c, 1) : std::string_view(code));
    }
    return out;
}

Query::Query(std::string_view query) {
    while (!query.empty()) {
        const std::size_t end = std::min(query.find('&'), query.size());
        const std::string_view part = query.substr(0, end);
        query.remove_prefix(std::min(end + 1, query.size()));
        const std::size_t equals = std::min(part.find('='), part.size());
        const auto name = decode(part.substr(0, equals), true);
        const auto value = decode(part.substr(std::min(equals + 1, part.size())), true);
        if ((!name || !value) && !broken_)
            broken_ = part.substr(0, equals);
        else if (name && !name->empty() && value)
            fields_.emplace_back(*name, *value);
    }
}

const std::string &Query::operator[](std::string_view name) const {
    static const std::string absent;
    for (const auto &[key, value] : fields_)
        if (key == name)
            return value;
    return absent;
}

} // namespace ayb::http
