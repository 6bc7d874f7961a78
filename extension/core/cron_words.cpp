#include "core/cron_words.hpp"

namespace ayb::core {

std::vector<int> members(std::uint64_t bits) {
    std::vector<int> out;
    for (; bits != 0; bits &= bits - 1)
        out.push_back(__builtin_ctzll(bits));
    return out;
}

std::string join(const std::vector<std::string> &words) {
    std::string out;
    for (std::size_t i = 0; i < words.size(); ++i) {
        if (i > 0)
            out += i + 1 == words.size() ? " and " : ", ";
        out += words[i];
    }
    return out;
}

std::string number_list(std::uint64_t bits) {
    std::vector<std::string> words;
    const std::vector<int> all = members(bits);
    for (std::size_t i = 0; i < all.size(); ++i) {
        std::size_t end = i;
        while (end + 1 < all.size() && all[end + 1] == all[end] + 1)
            ++end;
        if (end >= i + 2) {
            words.push_back(std::to_string(all[i]) + " to " + std::to_string(all[end]));
            i = end;
        } else {
            words.push_back(std::to_string(all[i]));
        }
    }
    return join(words);
}

Row even_row(std::uint64_t bits) {
    const std::vector<int> all = members(bits);
    if (all.size() < 3)
        return {0, 0, 0};
    const int step = all[1] - all[0];
    for (std::size_t i = 2; i < all.size(); ++i)
        if (all[i] - all[i - 1] != step)
            return {0, 0, 0};
    return {all.front(), all.back(), step};
}

std::string ordinal(int number) {
    const bool teen = number / 10 % 10 == 1;
    const char *end = teen               ? "th"
                      : number % 10 == 1 ? "st"
                      : number % 10 == 2 ? "nd"
                      : number % 10 == 3 ? "rd"
                                         : "th";
    return std::to_string(number) + end;
}

} // namespace ayb::core
