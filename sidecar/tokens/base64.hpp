#pragma once
// base64url as tokens have it (RFC 7515): no padding, no blanks, and one text alone for the same
// bytes.
#include <optional>
#include <string>
#include <string_view>

namespace ayb::tokens {

// Nothing where the text is anything else.
std::optional<std::string> decode_base64url(std::string_view text);

std::string encode_base64url(std::string_view bytes);

} // namespace ayb::tokens
