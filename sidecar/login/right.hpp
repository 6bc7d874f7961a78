#pragma once
// What somebody may do by the API, and who that is.
#include <optional>
#include <string>
#include <string_view>

namespace ayb::login {

// Each may do what the one before it may: look; act on what is there; make and remove things. To
// work is something else: to take jobs, as a worker outside, and nothing besides.
enum class Right { read, operate, admin, work };

const char *word_of(Right right);
// Of the three that are no worker's.
std::optional<Right> right_of(std::string_view word);

// A token's holder. The name is what changes by hand are kept under; "" where nobody has one.
struct Identity {
    std::string name;
    Right right;
    std::string role = ""; // of a worker: as whom it takes jobs
};

// Whether the one may what takes the other.
bool covers(Right has, Right wanted);

// The right as files and tokens have it: a word, or "work:ROLE", whose role has a token's letters.
std::string right_text(const Identity &who);
std::optional<Identity> holder(std::string_view name, std::string_view right);

// Whether it can be a token's: letters, digits, '_' and '-', at most 64.
bool is_name(std::string_view name);

} // namespace ayb::login
