#pragma once
// How a scheduler begins and ends to serve its database.
#include "memory/databases.hpp"

namespace ayb {

// The scheduler enters its database: `serving` from now on, with no lanes and no floors. Null if
// another scheduler is there, or the database is held back.
Database *enter_database(Oid database);

// Its lanes and floors are forgotten; the place is given back unless somebody holds the database.
void leave_database(Database *entry);

} // namespace ayb
