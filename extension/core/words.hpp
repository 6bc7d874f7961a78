#pragma once
// Enumerations whose values are words in SQL. Each names its words once:
//
//   template <> struct Words<Colour> { static constexpr const char *kWords[] = {"red", "green"}; };
//
// in the order of its enumerators, which begin at 0. A null word is NULL.
#include <cstring>

namespace ayb::core {

template <typename Enum> struct Words;

template <typename Enum> constexpr const char *word_of(Enum value) {
    return Words<Enum>::kWords[static_cast<int>(value)];
}

// False where no value has this word; then `*value` is as it was.
template <typename Enum> bool find_word(const char *word, Enum *value) {
    int number = 0;
    for (const char *candidate : Words<Enum>::kWords) {
        if (candidate != nullptr && strcmp(candidate, word) == 0) {
            *value = static_cast<Enum>(number);
            return true;
        }
        number++;
    }
    return false;
}

} // namespace ayb::core
