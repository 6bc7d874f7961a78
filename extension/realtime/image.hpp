#pragma once
// What a feed keeps of a row: its key, and as a whole, with nothing in a TOAST table; or the key
// alone, where the whole is larger than kMostImageBytes.
#include "published/published.hpp"

namespace ayb {

// A bit for each column, from the first on.
struct Changed {
    uint8 *bits;
    uint32 bytes;
    bool any;
    bool key; // one of the primary key
};

// Which columns differ between two rows of one shape. A value that is kept elsewhere counts as
// changed when it was written again.
Changed changed_columns(const Published &table, HeapTuple old_row, HeapTuple new_row);
inline bool is_changed(const uint8 *bits, int column) {
    return (bits[(column - 1) / 8] & (1 << ((column - 1) % 8))) != 0;
}

// The row in the shape of the enabled table.
HeapTuple as_published(const Published &table, HeapTuple row);

// A row that has the values of the primary key alone.
HeapTuple key_image(const Published &table, HeapTuple row);

// The whole row; null where it is too large.
HeapTuple whole_image(const Published &table, HeapTuple row);

// A row out of its bytes, for as long as those live.
HeapTupleData row_of_bytes(const char *bytes, uint32 length);

} // namespace ayb
