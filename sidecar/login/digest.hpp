#pragma once
// Hashes, and comparing what is secret.
#include <string>
#include <string_view>

namespace ayb::login {

// SHA-256 of the text, and keyed: 32 bytes.
std::string sha256(std::string_view text);
std::string hmac(const std::string &key, std::string_view text);

// Lower case, two digits a byte.
std::string hex(std::string_view bytes);

// Takes the same time wherever two texts of one length differ.
bool same_bytes(std::string_view a, std::string_view b);

// Throws std::runtime_error where there is no chance to be had.
std::string random_bytes(std::size_t count);

// Seconds since 1970.
long long unix_now();

} // namespace ayb::login
