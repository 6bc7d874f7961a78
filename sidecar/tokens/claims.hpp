#pragma once
// What a token says, once it is known who said it.
#include <optional>
#include <string>
#include <string_view>
#include <utility>
#include <vector>

namespace ayb::tokens {

// A claim that policies look at, by a setting of the database's.
struct Claim {
    std::string setting; // "ayb.user_id"
    std::string name;    // "sub"; "*" is the whole payload, as JSON
    bool optional = false;
};

struct Rules {
    std::vector<Claim> claims;
    std::vector<std::string> refuse; // a token that says one of these isn't taken
    std::string audience;            // "" is any
    std::string issuer;
};

// Settings and what they are to be.
using Settings = std::vector<std::pair<std::string, std::string>>;

struct Token {
    std::string subject;
    long long expires = 0; // Unix seconds
    Settings settings;     // in the order of the rules; an optional claim that is missing is ""
    std::optional<std::vector<std::string>> tables; // nothing: all
};

// "setting=claim" or, where a token need not have it, "setting=claim?". Throws
// std::invalid_argument, and says why, unless there are 1 to 16 of them and each setting is one
// that no library of the server owns.
std::vector<Claim> read_claim_rules(const std::vector<std::string> &words);

// Of a payload that was signed: nothing unless it is as the rules say at this time (Unix seconds).
std::optional<Token> read_claims(std::string_view payload, const Rules &rules, long long now);

} // namespace ayb::tokens
