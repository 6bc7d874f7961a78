#pragma once
// The tables that somebody listens to, as an argument, and their feeds.
#include "published/published.hpp"

namespace ayb {

inline constexpr int kMostTables = 100;

struct TableList {
    Oid *oids; // in order, each once
    int count;
};

// The array "relations": 22004, 22023.
TableList tables_argument(FunctionCallInfo fcinfo, int number);

// Raises 55000 where the library isn't preloaded.
void require_feeds();

// The place of a table's feed, whose lease is extended; 53400 where there are too many.
int require_feed(Oid table, const Definition &definition);

} // namespace ayb
