#include "tokens/verifier.hpp"

#include "json/json.hpp"
#include "login/digest.hpp"
#include "login/files.hpp"
#include "tokens/base64.hpp"

#include <algorithm>
#include <fstream>
#include <stdexcept>

namespace ayb::tokens {

namespace {

constexpr std::size_t kLongestToken = 8192;
constexpr std::size_t kShortestSecret = 32;
constexpr std::size_t kMostSecrets = 2;

struct Parts {
    std::string_view content; // header and payload, which is what was signed
    std::string_view header;
    std::string_view payload;
    std::string_view seal;
};

std::optional<Parts> split(std::string_view text) {
    if (text.size() > kLongestToken || std::count(text.begin(), text.end(), '.') != 2)
        return std::nullopt;
    const std::size_t first = text.find('.');
    const std::size_t second = text.rfind('.');
    return Parts{text.substr(0, second), text.substr(0, first),
                 text.substr(first + 1, second - first - 1), text.substr(second + 1)};
}

// What a header may demand of us is nothing.
bool is_plain(std::string_view text) {
    try {
        const json::Object header(text);
        const auto is = [&](std::string_view name) {
            return std::count_if(header.members().begin(), header.members().end(),
                                 [&](const auto &member) { return member.first == name; });
        };
        return is("alg") == 1 && header.text("alg") == "HS256" && is("crit") == 0;
    } catch (const json::Error &) {
        return false;
    }
}

} // namespace

std::vector<std::string> read_secrets(const std::string &file) {
    if (login::rights_of(file) == login::FileRights::writable_by_others)
        throw std::runtime_error("others than its owner may write " + file);
    std::ifstream in(file);
    if (!in)
        throw std::runtime_error(file + " can't be read");
    std::vector<std::string> secrets;
    for (std::string line; std::getline(in, line); secrets.push_back(line)) {
        if (!line.empty() && line.back() == '\r')
            line.pop_back();
        if (line.size() < kShortestSecret)
            throw std::runtime_error(file + ": a secret has 32 bytes at least");
    }
    if (secrets.empty() || secrets.size() > kMostSecrets)
        throw std::runtime_error(file + ": one secret is wanted, or two, a line each");
    return secrets;
}

Verifier::Verifier(std::string file, Rules rules)
    : file_(std::move(file)), rules_(std::move(rules)), secrets_(read_secrets(file_)) {}

void Verifier::reload() {
    std::vector<std::string> secrets = read_secrets(file_);
    const std::lock_guard lock(mutex_);
    secrets_.swap(secrets);
}

// As long for a good seal as for any other: each secret is tried.
bool Verifier::is_signed(std::string_view content, std::string_view seal) const {
    const std::lock_guard lock(mutex_);
    bool good = false;
    for (const std::string &secret : secrets_)
        good = login::same_bytes(login::hmac(secret, content), seal) || good;
    return good;
}

std::optional<Token> Verifier::verify(std::string_view text, long long now) const {
    const auto parts = split(text);
    if (!parts)
        return std::nullopt;
    const auto seal = decode_base64url(parts->seal);
    if (!seal || !is_signed(parts->content, *seal))
        return std::nullopt;
    const auto header = decode_base64url(parts->header);
    const auto payload = decode_base64url(parts->payload);
    if (!header || !payload || !is_plain(*header))
        return std::nullopt;
    return read_claims(*payload, rules_, now);
}

} // namespace ayb::tokens
