#include "login/right.hpp"

#include <algorithm>

namespace ayb::login {

namespace {

constexpr const char *kWords[] = {"read", "operate", "admin"};
constexpr std::size_t kLongestName = 64;

} // namespace

const char *word_of(Right right) { return kWords[static_cast<std::size_t>(right)]; }

std::optional<Right> right_of(std::string_view word) {
    for (const Right right : {Right::read, Right::operate, Right::admin})
        if (word == word_of(right))
            return right;
    return std::nullopt;
}

bool is_name(std::string_view name) {
    return !name.empty() && name.size() <= kLongestName &&
           std::all_of(name.begin(), name.end(), [](char c) {
               const bool letter = (c | 0x20) >= 'a' && (c | 0x20) <= 'z';
               return letter || (c >= '0' && c <= '9') || c == '_' || c == '-';
           });
}

} // namespace ayb::login
