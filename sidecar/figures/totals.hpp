#pragma once
// What the attempts of types have come to, as the database counts it.
#include "db/connection.hpp"
#include "figures/page.hpp"

namespace ayb::figures {

// A row a type, in the order in which the database has first seen them; the last argument of
// add_totals() is what this gives.
extern const char *const kTotals;

// The first `own` types have series of their own, and keep them; all others count together as
// type "".
void add_totals(Page &page, const std::string &database, const db::Result &totals, int own);

} // namespace ayb::figures
