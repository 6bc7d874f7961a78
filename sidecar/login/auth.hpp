#pragma once
// Who may. A token says when it ends and proves, by a key that is made from the password and from a
// secret of this process, that we gave it: so nothing is stored, and all tokens die with a restart
// or a changed password.
#include "login/tokens.hpp"

#include <chrono>
#include <functional>

namespace ayb::login {

struct AuthSettings {
    std::string password;         // "" is none
    std::string password_file;    // read again when it changes
    std::string token_file;       // a fixed token, too
    std::string tokens_file;      // named ones
    std::optional<Right> no_auth; // what everybody may: for loopback only
    // What tokens are sealed with by who has the database; nothing where nobody knows now.
    std::function<std::optional<std::string>()> key;
    std::chrono::seconds lifetime{24 * 3600};
};

class Auth {
  public:
    // Throws std::runtime_error where the file of tokens can't be read, as reload() does.
    explicit Auth(AuthSettings settings);

    bool password_configured() const { return !password().empty(); }
    bool open() const { return settings_.no_auth.has_value(); }
    // A token of 64 hex digits, if that is the password.
    std::optional<std::string> log_in(std::string_view password) const;
    // Who the value of the Authorization field lets in.
    std::optional<Identity> who(std::string_view authorization) const;
    // Reads the file of tokens again.
    void reload() { tokens_.reload(); }

  private:
    std::string password() const;
    bool is_login(std::string_view token) const;
    bool is_fixed(std::string_view token) const;
    std::string seal(std::string_view content, const std::string &password) const;

    const AuthSettings settings_;
    std::string secret_;
    TokenFile tokens_;
};

} // namespace ayb::login
