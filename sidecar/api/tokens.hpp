#pragma once
// Tokens that are sealed with a key of the database: who has the sidecar's role there can always
// come in, whoever tries out passwords meanwhile.
#include "route/router.hpp"

namespace ayb::api {

// What sealed tokens are checked with. Asked for again now and then, as a restored database has
// another one; nothing where the database is away, or the sidecar's role isn't in ayb_jobs_sidecar.
std::function<std::optional<std::string>()> database_key(db::Pool &pool);

// POST /api/admin/tokens
// Sealed with the key of the first database, whichever the request names.
std::vector<Route> token_routes(db::Pool &first);

} // namespace ayb::api
