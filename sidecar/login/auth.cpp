#include "login/auth.hpp"

#include "login/digest.hpp"
#include "login/files.hpp"

#include <charconv>

namespace ayb::login {

namespace {

constexpr std::size_t kSecretBytes = 32;
constexpr std::size_t kContentDigits = 32; // when it ends (8 bytes) and chance (8 bytes)
constexpr std::size_t kTokenDigits = 64;   // and half of the HMAC
constexpr std::string_view kScheme = "Bearer ";

// Takes the same time wherever the two differ, and however long they are.
bool same(std::string_view a, std::string_view b, const std::string &key) {
    return same_bytes(hmac(key, a), hmac(key, b));
}

std::string big_endian(long long value) {
    std::string bytes(8, '\0');
    for (int i = 7; i >= 0; i--, value >>= 8)
        bytes[static_cast<std::size_t>(i)] = static_cast<char>(value & 0xFF);
    return bytes;
}

bool expired(std::string_view content) {
    long long end = 0;
    std::from_chars(content.data(), content.data() + 16, end, 16);
    return end <= unix_now();
}

} // namespace

Auth::Auth(AuthSettings settings)
    : settings_(std::move(settings)), secret_(random_bytes(kSecretBytes)),
      tokens_(settings_.tokens_file) {}

std::string Auth::password() const {
    return settings_.password_file.empty() ? settings_.password
                                           : first_line(settings_.password_file);
}

std::string Auth::seal(std::string_view content, const std::string &password) const {
    return hex(hmac(hmac(secret_, password), content)).substr(0, kTokenDigits - kContentDigits);
}

std::optional<std::string> Auth::log_in(std::string_view given) const {
    const std::string wanted = password();
    if (wanted.empty() || !same(given, wanted, secret_))
        return std::nullopt;
    const std::string content =
        hex(big_endian(unix_now() + settings_.lifetime.count()) + random_bytes(8));
    return content + seal(content, wanted);
}

bool Auth::is_login(std::string_view token) const {
    const std::string secret = password();
    if (secret.empty() || token.size() != kTokenDigits)
        return false;
    const std::string_view content = token.substr(0, kContentDigits);
    return same(token.substr(kContentDigits), seal(content, secret), secret_) && !expired(content);
}

bool Auth::is_fixed(std::string_view token) const {
    const std::string fixed =
        settings_.token_file.empty() ? std::string() : first_line(settings_.token_file);
    return !fixed.empty() && same(token, fixed, secret_);
}

std::optional<Identity> Auth::who(std::string_view authorization) const {
    if (settings_.no_auth)
        return Identity{"", *settings_.no_auth};
    if (authorization.substr(0, kScheme.size()) != kScheme)
        return std::nullopt;
    const std::string_view token = authorization.substr(kScheme.size());
    if (is_fixed(token))
        return Identity{"token-file", Right::admin};
    if (is_login(token))
        return Identity{"password", Right::admin};
    if (auto named = tokens_.find(token))
        return named;
    const auto key =
        looks_sealed(token) && settings_.key ? settings_.key() : std::optional<std::string>();
    return key ? unsealed(token, *key) : std::nullopt;
}

} // namespace ayb::login
