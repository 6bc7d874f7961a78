#pragma once
// What somebody may do by the API, and who that is.
#include <optional>
#include <string>
#include <string_view>

namespace ayb::login {

// Each may do what the one before it may: look; act on what is there; make and remove things.
enum class Right { read, operate, admin };

const char *word_of(Right right);
std::optional<Right> right_of(std::string_view word);

// A token's holder. The name is what changes by hand are kept under; "" where nobody has one.
struct Identity {
    std::string name;
    Right right;
};

// Whether it can be a token's: letters, digits, '_' and '-', at most 64.
bool is_name(std::string_view name);

} // namespace ayb::login
