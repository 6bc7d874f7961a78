#pragma once
// The first include of each file of a copy of the extension: whatever it reports is said in other
// words, as other_words.pl has them. What errmsg_internal() says stays: it isn't the extension's,
// but a user's own.
#include "pg/postgres.hpp"

namespace ayb::other_words {

inline bool is_letter(char c) { return (c >= 'a' && c <= 'z') || (c >= 'A' && c <= 'Z'); }

inline char other_letter(char c) {
    const char first = c >= 'a' ? 'a' : 'A';
    return is_letter(c) ? static_cast<char>((c - first + 5) % 26 + first) : c;
}

// How long it is: all of a placeholder, of a name in quotes, or of a word.
inline size_t piece_at(const char *text) {
    if (*text == '%')
        return strspn(text + 1, "0123456789.*-+ #hlqjzt") + 2;
    if (*text == '"')
        return strcspn(text + 1, "\"") + 2;
    const size_t letters =
        strspn(text, "abcdefghijklmnopqrstuvwxyzABCDEFGHIJKLMNOPQRSTUVWXYZ0123456789_.");
    return letters > 0 ? letters : 1;
}

// A placeholder, a name, or SQL.
inline bool stays(const char *piece, size_t length) {
    if (*piece == '%' || *piece == '"' || memchr(piece, '_', length) != nullptr)
        return true;
    for (size_t i = 0; i < length; i++)
        if (piece[i] >= 'a' && piece[i] <= 'z')
            return false;
    return length > 1;
}

inline char *changed(const char *text) {
    char *result = pstrdup(text);
    const size_t length = strlen(text);
    for (size_t at = 0, piece = 0; at < length; at += piece) {
        piece = piece_at(text + at);
        for (size_t i = at; i < at + piece && i < length && !stays(text + at, piece); i++)
            result[i] = other_letter(text[i]);
    }
    return result;
}

// A text that is put together elsewhere comes whole, as "%s".
inline const char *pg_attribute_printf(1, 0) formatted(const char *format, va_list arguments) {
    StringInfoData text;
    initStringInfo(&text);
    const char *other = changed(format);
    for (int needed = 1; needed != 0;) {
        va_list again;
        va_copy(again, arguments);
        needed = appendStringInfoVA(&text, other, again);
        va_end(again);
        if (needed != 0)
            enlargeStringInfo(&text, needed);
    }
    return strcmp(format, "%s") == 0 ? changed(text.data) : text.data;
}

#define AYB_OTHER_WORDS(function)                                                                  \
    inline int pg_attribute_printf(1, 2) other_##function(const char *format, ...) {               \
        va_list arguments;                                                                         \
        va_start(arguments, format);                                                               \
        const char *text = formatted(format, arguments);                                           \
        va_end(arguments);                                                                         \
        return function("%s", text);                                                               \
    }
AYB_OTHER_WORDS(errmsg)
AYB_OTHER_WORDS(errdetail)
AYB_OTHER_WORDS(errhint)
#undef AYB_OTHER_WORDS

} // namespace ayb::other_words

#define errmsg ayb::other_words::other_errmsg
#define errdetail ayb::other_words::other_errdetail
#define errhint ayb::other_words::other_errhint
