#include "json/scanner.hpp"

#include <algorithm>
#include <charconv>

namespace ayb::json {

namespace {

// PostgreSQL's: beyond, a number is refused.
constexpr std::size_t kLongestExponent = 200000;

bool is_digit(char c) { return c >= '0' && c <= '9'; }

[[noreturn]] void wrong() { throw Error("invalid JSON"); }

} // namespace

void Scanner::blanks() {
    while (at_ < text_.size() && std::string_view(" \t\r\n").find(text_[at_]) != std::string::npos)
        at_++;
}

void Scanner::take(char wanted) {
    if (at_ >= text_.size() || text_[at_] != wanted)
        wrong();
    at_++;
}

void Scanner::end() {
    blanks();
    if (at_ != text_.size())
        wrong();
}

void Scanner::expect_object() {
    blanks();
    if (peek() != '{')
        wrong();
}

std::string_view Scanner::value() {
    blanks();
    const std::size_t from = at_;
    switch (peek()) {
    case '{':
        members([](std::string_view, std::string_view) {});
        break;
    case '[':
        elements([](std::string_view) {});
        break;
    case '"':
        string();
        break;
    case 't':
        literal("true");
        break;
    case 'f':
        literal("false");
        break;
    case 'n':
        literal("null");
        break;
    default:
        number();
    }
    return text_.substr(from, at_ - from);
}

void Scanner::members(const Member &each) {
    blanks();
    take('{');
    if (++depth_ > kMaxDepth)
        wrong();
    blanks();
    if (peek() != '}') {
        for (;;) {
            blanks();
            const std::string_view key = string();
            blanks();
            take(':');
            each(key, value());
            blanks();
            if (peek() != ',')
                break;
            at_++;
        }
    }
    take('}');
    depth_--;
}

void Scanner::elements(const Element &each) {
    blanks();
    take('[');
    if (++depth_ > kMaxDepth)
        wrong();
    blanks();
    if (peek() != ']') {
        for (;;) {
            each(value());
            blanks();
            if (peek() != ',')
                break;
            at_++;
        }
    }
    take(']');
    depth_--;
}

void Scanner::literal(std::string_view word) {
    if (text_.substr(at_, word.size()) != word)
        wrong();
    at_ += word.size();
}

void Scanner::digits() {
    if (!is_digit(peek()))
        wrong();
    while (is_digit(peek()))
        at_++;
}

void Scanner::number() {
    if (peek() == '-')
        at_++;
    if (peek() == '0')
        at_++;
    else
        digits();
    if (peek() == '.') {
        at_++;
        digits();
    }
    if (peek() == 'e' || peek() == 'E')
        exponent();
}

void Scanner::exponent() {
    at_++;
    if (peek() == '+' || peek() == '-')
        at_++;
    const std::size_t from = at_;
    digits();
    std::size_t size = 0;
    const auto read = std::from_chars(text_.data() + from, text_.data() + at_, size);
    // What is no number of 64 bits is refused by who stores it, before it is written out.
    if (read.ec == std::errc())
        hidden_digits_ += std::min(size, kLongestExponent);
}

std::string_view Scanner::string() {
    blanks();
    const std::size_t from = at_;
    take('"');
    while (peek() != '"')
        character();
    at_++;
    return text_.substr(from, at_ - from);
}

void Scanner::character() {
    const auto c = static_cast<unsigned char>(peek());
    if (c < 0x20)
        wrong();
    if (c == '\\')
        escape();
    else if (c < 0x80)
        at_++;
    else
        utf8();
}

unsigned Scanner::hex() {
    unsigned code = 0;
    for (int i = 0; i < 4; i++, at_++) {
        const char c = peek();
        if (is_digit(c))
            code = code * 16 + static_cast<unsigned>(c - '0');
        else if ((c >= 'a' && c <= 'f') || (c >= 'A' && c <= 'F'))
            code = code * 16 + static_cast<unsigned>((c | 0x20) - 'a' + 10);
        else
            wrong();
    }
    return code;
}

// NUL is refused too: PostgreSQL's text can't hold it.
void Scanner::escape() {
    at_++;
    const char name = peek();
    if (name == '\0' || std::string_view("\"\\/bfnrtu").find(name) == std::string::npos)
        wrong();
    at_++;
    if (name != 'u')
        return;
    const unsigned code = hex();
    if (code == 0 || (code >= 0xDC00 && code < 0xE000))
        wrong();
    if (code < 0xD800 || code >= 0xE000)
        return;
    take('\\');
    take('u');
    const unsigned low = hex();
    if (low < 0xDC00 || low >= 0xE000)
        wrong();
}

// One character of more than one byte: no overlong form, no surrogate, nothing beyond U+10FFFF.
void Scanner::utf8() {
    const auto first = static_cast<unsigned char>(peek());
    const int more = first >= 0xF0 ? 3 : first >= 0xE0 ? 2 : 1;
    if (first < 0xC2 || first > 0xF4)
        wrong();
    unsigned code = first & (0x3Fu >> more);
    at_++;
    for (int i = 0; i < more; i++, at_++) {
        const auto byte = static_cast<unsigned char>(peek());
        if ((byte & 0xC0) != 0x80)
            wrong();
        code = code << 6 | (byte & 0x3Fu);
    }
    constexpr unsigned kLeast[] = {0, 0x80, 0x800, 0x10000};
    if (code < kLeast[more] || code > 0x10FFFF || (code >= 0xD800 && code < 0xE000))
        wrong();
}

} // namespace ayb::json
