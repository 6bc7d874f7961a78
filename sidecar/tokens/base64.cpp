#include "tokens/base64.hpp"

namespace ayb::tokens {

namespace {

constexpr std::string_view kLetters =
    "ABCDEFGHIJKLMNOPQRSTUVWXYZabcdefghijklmnopqrstuvwxyz0123456789-_";

} // namespace

// Bits that are left over have to be 0: else two texts would be one token.
std::optional<std::string> decode_base64url(std::string_view text) {
    std::string out;
    out.reserve(text.size() * 3 / 4);
    unsigned bits = 0;
    unsigned count = 0;
    for (const char c : text) {
        const std::size_t letter = kLetters.find(c);
        if (letter == std::string_view::npos)
            return std::nullopt;
        bits = bits << 6 | static_cast<unsigned>(letter);
        count += 6;
        if (count >= 8) {
            count -= 8;
            out.push_back(static_cast<char>(bits >> count & 0xFF));
            bits &= (1U << count) - 1;
        }
    }
    if (count >= 6 || bits != 0)
        return std::nullopt;
    return out;
}

std::string encode_base64url(std::string_view bytes) {
    std::string out;
    unsigned bits = 0;
    unsigned count = 0;
    for (const char c : bytes) {
        bits = bits << 8 | static_cast<unsigned char>(c);
        for (count += 8; count >= 6; count -= 6)
            out.push_back(kLetters[bits >> (count - 6) & 0x3F]);
        bits &= (1U << count) - 1;
    }
    if (count > 0)
        out.push_back(kLetters[bits << (6 - count) & 0x3F]);
    return out;
}

} // namespace ayb::tokens
