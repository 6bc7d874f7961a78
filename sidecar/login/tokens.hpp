#pragma once
// Named tokens: those of a file, and those that were sealed for somebody.
#include "login/right.hpp"

#include <mutex>
#include <vector>

namespace ayb::login {

// A file with a line for each token: "name right SHA-256", the hash of the token in hex. Blank
// lines and those that begin with '#' say nothing.
class TokenFile {
  public:
    // "" is no file. Throws std::runtime_error, with the file's name and the line, unless all of it
    // can be read.
    explicit TokenFile(std::string file);

    // Reads it again. Throws likewise, and keeps what it had then.
    void reload();
    std::optional<Identity> find(std::string_view token) const;

  private:
    struct Entry {
        Identity who;
        std::string digest; // 64 hex digits
    };
    static Entry read_line(const std::string &line);
    std::vector<Entry> read() const;

    const std::string file_;
    mutable std::mutex mutex_;
    std::vector<Entry> entries_;
};

// "name.right.end.seal": a token that says itself whose it is and when it ends (Unix seconds), and
// proves by the key that somebody gave it who has the key.
std::string sealed_token(const Identity &who, long long end, const std::string &key);
bool looks_sealed(std::string_view token);
// Nothing where the seal is another key's, or the time is over.
std::optional<Identity> unsealed(std::string_view token, const std::string &key);

} // namespace ayb::login
