#include "core/cron_field.hpp"

#include <algorithm>

/* What all parts of the parser share: words, numbers, and errors about them. */
namespace ayb::core {

Error cron_error(std::string detail) {
    return Error("22023", "invalid cron expression", std::move(detail),
                 "\"30 2 * * 1-5\" runs at 02:30 on weekdays, \"*/15 * * * *\" every 15 minutes.");
}

std::string quoted(std::string_view text) {
    constexpr std::size_t kLongest = 40;
    constexpr char kHex[] = "0123456789abcdef";
    std::string out = "\"";
    for (const char c : text.substr(0, kLongest)) {
        const auto byte = static_cast<unsigned char>(c);
        if (byte >= 0x20 && byte < 0x7f) {
            out += c;
        } else {
            out += "\\x";
            out += kHex[byte >> 4];
            out += kHex[byte & 15];
        }
    }
    out += text.size() > kLongest ? "...\"" : "\"";
    return out;
}

bool same_word(std::string_view text, std::string_view lower_case_word) noexcept {
    return std::equal(text.begin(), text.end(), lower_case_word.begin(), lower_case_word.end(),
                      [](char a, char b) { return to_lower(a) == b; });
}

std::int64_t take_number(std::string_view *text, std::int64_t most) noexcept {
    std::int64_t value = 0;
    while (!text->empty() && is_digit(text->front())) {
        value = std::min(value * 10 + (text->front() - '0'), most);
        text->remove_prefix(1);
    }
    return value;
}

} // namespace ayb::core
