#pragma once
// Texts that have to fit into a fixed room.
#include "pg/postgres.hpp"

namespace ayb {

// How many of a text's bytes fit into `limit`, without a character that is cut. A database in
// SQL_ASCII doesn't know its characters: there a text that looks like UTF-8 at the cut is taken for
// it, any other is cut at the byte.
inline int clipped_bytes(const char *text, int limit) {
    const int length = static_cast<int>(strlen(text));
    if (length <= limit || GetDatabaseEncoding() != PG_SQL_ASCII)
        return pg_mbcliplen(text, length, limit);
    constexpr int kLongestTail = 3; // bytes of a UTF-8 character after its first, 0b10xxxxxx each
    int bytes = limit;
    while (bytes > 0 && limit - bytes < kLongestTail && (text[bytes] & 0xC0) == 0x80)
        bytes--;
    const bool at_first = (text[bytes] & 0xC0) == 0xC0;
    return at_first ? bytes : limit;
}

} // namespace ayb
