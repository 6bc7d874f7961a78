#pragma once
// The REFRESH itself.
#include "pg/postgres.hpp"
#include "matview/rows.hpp"

namespace ayb {

struct Refreshed {
    bool done;
    int64 rows;        // read by the view's query
    char sqlstate[6];  // of the error, where it is not done
    const char *error; // its message, and detail
    const char *hint;  // null for none
};

// Runs the statement in a subtransaction: an error rolls back that alone and is given back. The
// registration's timeouts hold for it. A cancel that came from elsewhere is raised again.
//
// `as_owner`: not as the current role and with its search_path, but as the view's owner with that
// of the books, for an admin who is not the owner.
Refreshed refresh_view(const Matview &matview, Oid owner, bool as_owner);

} // namespace ayb
