#pragma once
// Questions whose text is only known when they are asked, by whoever is current, with SPI
// connected.
#include <optional>

#include "pg/postgres.hpp"

namespace ayb {

// The one value, of no fixed length, of the question's first row, copied to `memory`; nothing where
// there is no row. Under a snapshot of its own. The plan is kept, for this text, these types and
// this role, as long as others don't take its place; PostgreSQL makes it again when tables or
// policies change.
std::optional<Datum> ask_for_one(const char *sql, int count, Oid *types, Datum *values,
                                 MemoryContext memory);

} // namespace ayb
