#include "login/auth.hpp"

#include <openssl/crypto.h>
#include <openssl/evp.h>
#include <openssl/hmac.h>
#include <openssl/rand.h>
#include <sys/stat.h>

#include <charconv>
#include <fstream>
#include <stdexcept>

namespace ayb::login {

namespace {

constexpr std::size_t kSecretBytes = 32;
constexpr std::size_t kContentDigits = 32; // when it ends (8 bytes) and chance (8 bytes)
constexpr std::size_t kTokenDigits = 64;   // and half of the HMAC
constexpr std::string_view kScheme = "Bearer ";

std::string hmac(const std::string &key, std::string_view text) {
    unsigned char digest[EVP_MAX_MD_SIZE];
    unsigned int size = 0;
    HMAC(EVP_sha256(), key.data(), static_cast<int>(key.size()),
         reinterpret_cast<const unsigned char *>(text.data()), text.size(), digest, &size);
    return {reinterpret_cast<const char *>(digest), size};
}

// Takes the same time wherever the two differ, and however long they are.
bool same(std::string_view a, std::string_view b, const std::string &key) {
    const std::string left = hmac(key, a);
    const std::string right = hmac(key, b);
    return CRYPTO_memcmp(left.data(), right.data(), left.size()) == 0;
}

std::string hex(std::string_view bytes) {
    constexpr char kDigits[] = "0123456789abcdef";
    std::string out;
    for (const char c : bytes) {
        out.push_back(kDigits[static_cast<unsigned char>(c) >> 4]);
        out.push_back(kDigits[static_cast<unsigned char>(c) & 0xF]);
    }
    return out;
}

std::string random_bytes(std::size_t count) {
    std::string bytes(count, '\0');
    if (RAND_bytes(reinterpret_cast<unsigned char *>(bytes.data()), static_cast<int>(count)) != 1)
        throw std::runtime_error("no random numbers");
    return bytes;
}

long long now() {
    return std::chrono::duration_cast<std::chrono::seconds>(
               std::chrono::system_clock::now().time_since_epoch())
        .count();
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
    return end <= now();
}

} // namespace

// Links are followed: secrets are often mounted by them.
FileRights rights_of(const std::string &file) {
    struct stat status {};
    if (::stat(file.c_str(), &status) != 0)
        return FileRights::unreadable;
    if (!S_ISREG(status.st_mode))
        return FileRights::good; // a pipe that somebody handed us
    if ((status.st_mode & (S_IWGRP | S_IWOTH)) != 0)
        return FileRights::writable_by_others;
    return (status.st_mode & (S_IRGRP | S_IROTH)) != 0 ? FileRights::readable_by_others
                                                       : FileRights::good;
}

std::string first_line(const std::string &file) {
    if (rights_of(file) == FileRights::writable_by_others)
        return "";
    std::ifstream in(file);
    std::string line;
    std::getline(in, line);
    return line;
}

Auth::Auth(AuthSettings settings)
    : settings_(std::move(settings)), secret_(random_bytes(kSecretBytes)) {}

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
        hex(big_endian(now() + settings_.lifetime.count()) + random_bytes(8));
    return content + seal(content, wanted);
}

bool Auth::allows(std::string_view authorization) const {
    if (settings_.no_auth)
        return true;
    if (authorization.substr(0, kScheme.size()) != kScheme)
        return false;
    const std::string_view token = authorization.substr(kScheme.size());
    const std::string fixed =
        settings_.token_file.empty() ? std::string() : first_line(settings_.token_file);
    if (!fixed.empty() && same(token, fixed, secret_))
        return true;
    const std::string secret = password();
    if (secret.empty() || token.size() != kTokenDigits)
        return false;
    const std::string_view content = token.substr(0, kContentDigits);
    return same(token.substr(kContentDigits), seal(content, secret), secret_) && !expired(content);
}

} // namespace ayb::login
