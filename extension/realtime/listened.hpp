#pragma once
// A table as one subscriber may see it, while one call looks at its changes.
#include "published/published.hpp"

namespace ayb {

struct Listened {
    Oid table;
    Relation relation; // open, locked until the transaction's end
    Definition definition;
    int feed;
    TupleDesc shape;
    AttrNumber keys[INDEX_MAX_KEYS];
    int key_count;
    Bitmapset *sent;    // columns of a record
    Bitmapset *decides; // columns that policies look at
    bool all_decide;    // they look things up
    const char *read;   // SQL: the record of the row with a key, as its reader sees it
    const char *judge;  // SQL: the key of a row that is given, if policies let it be seen; or null
};

// Opens an enabled table. False where it isn't enabled, has no primary key, or has a policy that
// asks for session_user. 55P03 where it can't be locked at once.
bool open_listened(Oid table, Listened *listened);
void close_listened(const Listened &listened);

// Why an enabled table can't be opened; null where it can, or is locked just now.
const char *why_not_listened(Oid table);

// Whether the role may see anything of it by its policies; fills in `sent` and `read`.
bool prepare_for(Listened *listened, Oid role);

// Fills in what is needed to judge a row that is gone, once.
void prepare_to_judge(Listened *listened, Oid role);

// The types of the parameters of `read` are those of the key's columns; `judge` has one, an array
// of the table's rows. Raises 42704, about the argument "relations", in the same words for all
// tables.
[[noreturn]] void refuse_table(Oid table);

} // namespace ayb
