#include "login/right.hpp"

#include <algorithm>

namespace ayb::login {

namespace {

constexpr const char *kWords[] = {"read", "operate", "admin", "work"};
constexpr std::size_t kLongestName = 64;
constexpr std::string_view kWorks = "work:";

} // namespace

const char *word_of(Right right) { return kWords[static_cast<std::size_t>(right)]; }

std::optional<Right> right_of(std::string_view word) {
    for (const Right right : {Right::read, Right::operate, Right::admin})
        if (word == word_of(right))
            return right;
    return std::nullopt;
}

bool covers(Right has, Right wanted) {
    return has == wanted || (has != Right::work && wanted != Right::work && has > wanted);
}

std::string right_text(const Identity &who) {
    return who.right == Right::work ? std::string(kWorks) + who.role : word_of(who.right);
}

std::optional<Identity> holder(std::string_view name, std::string_view right) {
    if (!is_name(name))
        return std::nullopt;
    if (const auto usual = right_of(right))
        return Identity{std::string(name), *usual};
    if (right.substr(0, kWorks.size()) != kWorks || !is_name(right.substr(kWorks.size())))
        return std::nullopt;
    return Identity{std::string(name), Right::work, std::string(right.substr(kWorks.size()))};
}

bool is_name(std::string_view name) {
    return !name.empty() && name.size() <= kLongestName &&
           std::all_of(name.begin(), name.end(), [](char c) {
               const bool letter = (c | 0x20) >= 'a' && (c | 0x20) <= 'z';
               return letter || (c >= '0' && c <= '9') || c == '_' || c == '-';
           });
}

} // namespace ayb::login
