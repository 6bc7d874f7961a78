#pragma once
// Tokens of an application (JWT, signed with HS256), as its users send them. No part of one ever
// stands in an error or in the log.
#include "tokens/claims.hpp"

#include <mutex>

namespace ayb::tokens {

// A file with one secret, or with two while one follows the other: a line each. Throws
// std::runtime_error where it can't be read, others than its owner may write it, it has another
// number of lines, or one is shorter than 32 bytes.
std::vector<std::string> read_secrets(const std::string &file);

class Verifier {
  public:
    // Throws like read_secrets().
    Verifier(std::string file, Rules rules);

    // Reads the file again. Throws likewise, and keeps what it had then.
    void reload();
    // Nothing unless it is good at this time (Unix seconds). What a token says is not looked at
    // before it is known that who signed it has a secret. Any thread.
    std::optional<Token> verify(std::string_view text, long long now) const;

  private:
    bool is_signed(std::string_view content, std::string_view seal) const;

    const std::string file_;
    const Rules rules_;
    mutable std::mutex mutex_; // guards what follows
    std::vector<std::string> secrets_;
};

} // namespace ayb::tokens
