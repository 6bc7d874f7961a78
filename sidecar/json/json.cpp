#include "json/json.hpp"

#include "json/scanner.hpp"

#include <algorithm>
#include <charconv>
#include <cstdio>

namespace ayb::json {

void check(std::string_view text) {
    Scanner scanner(text);
    scanner.value();
    scanner.end();
}

Object::Object(std::string_view text) {
    Scanner scanner(text);
    scanner.expect_object();
    scanner.members([this](std::string_view key, std::string_view value) {
        members_.emplace_back(unquote(key), value);
    });
    scanner.end();
    written_size_ = text.size() + scanner.hidden_digits();
}

std::optional<std::string> Object::other_than(std::initializer_list<std::string_view> keys) const {
    for (const auto &[key, value] : members_)
        if (std::find(keys.begin(), keys.end(), key) == keys.end())
            return key;
    return std::nullopt;
}

std::optional<std::string_view> Object::raw(std::string_view key) const {
    for (auto member = members_.rbegin(); member != members_.rend(); ++member)
        if (member->first == key)
            return member->second;
    return std::nullopt;
}

std::optional<std::string> Object::text(std::string_view key) const {
    const auto value = raw(key);
    if (!value || *value == "null")
        return std::nullopt;
    return unquote(*value);
}

std::optional<bool> Object::boolean(std::string_view key) const {
    const auto value = raw(key);
    if (!value || *value == "null")
        return std::nullopt;
    if (*value != "true" && *value != "false")
        throw Error("not a boolean");
    return *value == "true";
}

std::optional<long long> Object::integer(std::string_view key) const {
    const auto value = raw(key);
    if (!value || *value == "null")
        return std::nullopt;
    long long number = 0;
    const char *last = value->data() + value->size();
    const auto result = std::from_chars(value->data(), last, number);
    if (result.ec != std::errc() || result.ptr != last)
        throw Error("not an integer of 64 bits");
    return number;
}

std::vector<std::string_view> elements(std::string_view text) {
    std::vector<std::string_view> found;
    Scanner scanner(text);
    scanner.elements([&found](std::string_view value) { found.push_back(value); });
    scanner.end();
    return found;
}

namespace {

void append_utf8(std::string &out, unsigned code) {
    const auto put = [&out](unsigned byte) { out.push_back(static_cast<char>(byte)); };
    if (code < 0x80) {
        put(code);
    } else if (code < 0x800) {
        put(0xC0 | code >> 6);
        put(0x80 | (code & 0x3F));
    } else if (code < 0x10000) {
        put(0xE0 | code >> 12);
        put(0x80 | (code >> 6 & 0x3F));
        put(0x80 | (code & 0x3F));
    } else {
        put(0xF0 | code >> 18);
        put(0x80 | (code >> 12 & 0x3F));
        put(0x80 | (code >> 6 & 0x3F));
        put(0x80 | (code & 0x3F));
    }
}

unsigned hex4(std::string_view text) {
    unsigned code = 0;
    std::from_chars(text.data(), text.data() + 4, code, 16);
    return code;
}

// The character of an escape that begins at text[at] with a backslash; moves `at` behind it.
// The scanner has seen that it is whole.
unsigned escaped(std::string_view text, std::size_t &at) {
    constexpr std::string_view kNames = "bfnrt", kMeanings = "\b\f\n\r\t";
    const char name = text[at + 1];
    at += 2;
    if (name != 'u') {
        const auto known = kNames.find(name);
        return static_cast<unsigned char>(known == std::string_view::npos ? name
                                                                          : kMeanings[known]);
    }
    unsigned code = hex4(text.substr(at));
    at += 4;
    if (code >= 0xD800 && code < 0xDC00) {
        code = 0x10000 + ((code - 0xD800) << 10) + (hex4(text.substr(at + 2)) - 0xDC00);
        at += 6;
    }
    return code;
}

} // namespace

std::string unquote(std::string_view text) {
    Scanner scanner(text);
    scanner.string();
    scanner.end();
    std::string out;
    const std::size_t last = text.find_last_of('"');
    for (std::size_t at = text.find_first_of('"') + 1; at < last;) {
        if (text[at] != '\\')
            out.push_back(text[at++]);
        else
            append_utf8(out, escaped(text, at));
    }
    return out;
}

std::string quote(std::string_view text) {
    std::string out = "\"";
    for (const char c : text) {
        if (c == '"' || c == '\\') {
            out.push_back('\\');
            out.push_back(c);
        } else if (static_cast<unsigned char>(c) < 0x20) {
            char code[8];
            std::snprintf(code, sizeof(code), "\\u%04x", static_cast<unsigned>(c));
            out += code;
        } else {
            out.push_back(c);
        }
    }
    return out + '"';
}

} // namespace ayb::json
