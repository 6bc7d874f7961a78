#pragma once
// Who may. A token says when it ends and proves, by a key that is made from the password and from a
// secret of this process, that we gave it: so nothing is stored, and all tokens die with a restart
// or a changed password.
#include <chrono>
#include <optional>
#include <string>
#include <string_view>

namespace ayb::login {

struct AuthSettings {
    std::string password;      // "" is none
    std::string password_file; // read again when it changes
    std::string token_file;    // a fixed token, too
    bool no_auth = false;      // everybody may: for loopback only
    std::chrono::seconds lifetime{24 * 3600};
};

class Auth {
  public:
    explicit Auth(AuthSettings settings);

    bool password_configured() const { return !password().empty(); }
    bool open() const { return settings_.no_auth; }
    // A token of 64 hex digits, if that is the password.
    std::optional<std::string> log_in(std::string_view password) const;
    // Whether the value of the Authorization field lets in.
    bool allows(std::string_view authorization) const;

  private:
    std::string password() const;
    std::string seal(std::string_view content, const std::string &password) const;

    const AuthSettings settings_;
    std::string secret_;
};

// The first line of a file with a secret; "" where it can't be read, or where others than its owner
// could have written it.
std::string first_line(const std::string &file);

// What is wrong with the rights of a file with a secret.
enum class FileRights { good, readable_by_others, writable_by_others, unreadable };
FileRights rights_of(const std::string &file);

} // namespace ayb::login
