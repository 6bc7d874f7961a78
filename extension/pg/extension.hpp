#pragma once
// The extension as an object of this database.
#include "pg/postgres.hpp"

namespace ayb {

// Whether this database has the extension. Needs a transaction.
bool extension_exists();

// The schema in which the extension was created (not the one that it made); InvalidOid without it.
Oid extension_schema();

// Its owner, as whom the books are kept; remembered until the extension changes. Raises 42704 where
// it doesn't exist.
Oid extension_owner();

// Forgets the owner and the plans; called when catalogs that they rest on change.
void install_extension_callbacks();

// A table of the extension, by name.
Oid extension_table(const char *name);

} // namespace ayb
