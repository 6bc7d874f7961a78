#include "tokens/claims.hpp"

#include "json/json.hpp"

#include <algorithm>
#include <charconv>
#include <cmath>
#include <set>
#include <stdexcept>

namespace ayb::tokens {

namespace {

constexpr std::size_t kMostClaims = 16;
constexpr std::size_t kLongestSubject = 255; // bytes
constexpr double kSkew = 30;
constexpr double kLongestLife = 24 * 3600;
constexpr std::string_view kWholePayload = "*";

// To set one of these is not to say who somebody is. What other libraries own the server refuses.
constexpr std::string_view kOwned[] = {"ayb_jobs", "plpgsql"};

// The payload isn't as the rules say. Nobody is told in which way.
struct Refused {};

void require(bool fact) {
    if (!fact)
        throw Refused{};
}

bool is_identifier(std::string_view text) {
    const auto letter = [](char c) { return (c >= 'a' && c <= 'z') || c == '_'; };
    return !text.empty() && letter(text.front()) &&
           std::all_of(text.begin(), text.end(),
                       [&](char c) { return letter(c) || (c >= '0' && c <= '9'); });
}

// What counts twice would count in two ways.
void require_once(const json::Object &payload) {
    std::set<std::string_view> seen;
    for (const auto &member : payload.members())
        require(seen.insert(member.first).second);
}

// A number as JSON writes it, of seconds; nothing where there is none.
std::optional<double> seconds(const json::Object &payload, std::string_view name) {
    const auto raw = payload.raw(name);
    if (!raw)
        return std::nullopt;
    double value = 0;
    const char *last = raw->data() + raw->size();
    const auto read = std::from_chars(raw->data(), last, value);
    require(read.ec == std::errc() && read.ptr == last && std::isfinite(value));
    return value;
}

long long expiry(const json::Object &payload, double now) {
    const auto end = seconds(payload, "exp");
    require(end && *end > now && *end <= now + kLongestLife);
    for (const char *begin : {"nbf", "iat"})
        require(seconds(payload, begin).value_or(now) <= now + kSkew);
    return static_cast<long long>(std::ceil(*end));
}

bool is_string(std::string_view raw) { return !raw.empty() && raw.front() == '"'; }

std::string required_text(const json::Object &payload, std::string_view name) {
    const auto raw = payload.raw(name);
    require(raw && is_string(*raw));
    return json::unquote(*raw);
}

std::string subject(const json::Object &payload) {
    std::string text = required_text(payload, "sub");
    require(!text.empty() && text.size() <= kLongestSubject);
    return text;
}

std::vector<std::string> texts(std::string_view raw) {
    std::vector<std::string> found;
    for (const std::string_view element : json::elements(raw))
        found.push_back(json::unquote(element));
    return found;
}

// One, or a list of which one counts.
void require_audience(const json::Object &payload, const std::string &wanted) {
    if (wanted.empty())
        return;
    const auto raw = payload.raw("aud");
    require(raw.has_value());
    const std::vector<std::string> all =
        is_string(*raw) ? std::vector<std::string>{json::unquote(*raw)} : texts(*raw);
    require(std::find(all.begin(), all.end(), wanted) != all.end());
}

// A claim that says no says nothing; whatever else it says is taken for a yes.
void require_none_of(const json::Object &payload, const std::vector<std::string> &names) {
    for (const std::string &name : names) {
        const std::string_view raw = payload.raw(name).value_or("null");
        require(raw == "false" || raw == "null");
    }
}

void require_reading_scope(const json::Object &payload) {
    const auto scope = payload.text("apiKeyScope");
    require(!scope || *scope == "*" || *scope == "readonly" || *scope == "readwrite");
}

std::optional<std::vector<std::string>> allowed_tables(const json::Object &payload) {
    const auto raw = payload.raw("allowedTables");
    if (!raw || *raw == "null")
        return std::nullopt;
    return texts(*raw);
}

// Text as it is, anything else as JSON.
std::string value_of(const Claim &claim, const json::Object &payload, std::string_view whole) {
    if (claim.name == kWholePayload)
        return std::string(whole);
    const auto raw = payload.raw(claim.name);
    const bool missing = !raw || *raw == "null";
    require(!missing || claim.optional);
    if (missing)
        return "";
    return is_string(*raw) ? json::unquote(*raw) : std::string(*raw);
}

Token read(std::string_view text, const Rules &rules, long long now) {
    const json::Object payload(text);
    require_once(payload);
    Token token;
    token.expires = expiry(payload, static_cast<double>(now));
    token.subject = subject(payload);
    require_audience(payload, rules.audience);
    require(rules.issuer.empty() || required_text(payload, "iss") == rules.issuer);
    require_none_of(payload, rules.refuse);
    require_reading_scope(payload);
    token.tables = allowed_tables(payload);
    for (const Claim &claim : rules.claims)
        token.settings.emplace_back(claim.setting, value_of(claim, payload, text));
    return token;
}

[[noreturn]] void wrong(const std::string &word, const char *why) {
    throw std::invalid_argument("\"" + word + "\": " + why);
}

Claim read_claim_rule(const std::string &word) {
    const std::size_t equals = word.find('=');
    if (equals == std::string::npos)
        wrong(word, "setting=claim is wanted");
    Claim claim{word.substr(0, equals), word.substr(equals + 1), false};
    if (!claim.name.empty() && claim.name.back() == '?') {
        claim.optional = true;
        claim.name.pop_back();
    }
    if (claim.name.empty())
        wrong(word, "the claim has no name");
    const std::size_t dot = claim.setting.find('.');
    const std::string library = claim.setting.substr(0, dot);
    for (std::size_t begin = 0, end = 0; end != std::string::npos; begin = end + 1) {
        end = claim.setting.find('.', begin);
        if (!is_identifier(std::string_view(claim.setting).substr(begin, end - begin)))
            wrong(word, "a setting has small letters, digits and _, with a dot between");
    }
    if (dot == std::string::npos)
        wrong(word, "a setting has a dot in its name");
    if (std::find(std::begin(kOwned), std::end(kOwned), library) != std::end(kOwned))
        wrong(word, "the setting belongs to a library of the server");
    return claim;
}

} // namespace

std::vector<Claim> read_claim_rules(const std::vector<std::string> &words) {
    std::vector<Claim> claims;
    std::set<std::string> settings;
    for (const std::string &word : words) {
        claims.push_back(read_claim_rule(word));
        if (!settings.insert(claims.back().setting).second)
            wrong(word, "the setting is named twice");
    }
    if (claims.empty() || claims.size() > kMostClaims)
        throw std::invalid_argument("1 to 16 claims are wanted");
    return claims;
}

std::optional<Token> read_claims(std::string_view payload, const Rules &rules, long long now) {
    try {
        return read(payload, rules, now);
    } catch (const Refused &) {
        return std::nullopt;
    } catch (const json::Error &) {
        return std::nullopt;
    }
}

} // namespace ayb::tokens
