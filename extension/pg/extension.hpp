#pragma once
// The extension as an object of this database.
#include "pg/postgres.hpp"

namespace ayb {

// Whether this database has the extension. Needs a transaction.
bool extension_exists();

// The schema in which the extension was created (not the one that it made); InvalidOid without it.
Oid extension_schema();

// Its owner, as whom the books are kept; remembered until that changes. 42704 where it is missing.
Oid extension_owner();

// The same for whoever goes on to the extension's own tables. Raises 55000 where its objects in
// this database are of another version than this library: neither knows what the other expects.
Oid require_extension();

// Whether they are of the same version; true without the extension. Needs a transaction.
bool extension_fits();

// Forgets the owner and the version when what they rest on changes.
void install_extension_callbacks();

// Has every session forget them, at the commit: pg_extension alone tells nobody.
void announce_extension_change();

// The schema of its tables, and of all that users call; InvalidOid where there is none.
Oid tables_schema();

// A table of the extension, by name.
Oid extension_table(const char *name);

// Of what a command has just made: the table on which a trigger stands, or to which a foreign key
// refers; InvalidOid for anything else.
Oid hooked_table(Oid catalog, Oid object);

} // namespace ayb
