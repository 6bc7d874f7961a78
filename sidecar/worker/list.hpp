#pragma once
// Workers, and what each is at.
#include "route/database.hpp"

#include <string>

namespace ayb::worker {

// As GET /api/admin/workers answers. Of those outside who wait by HTTP the database knows nothing:
// `waiting` is what a lounge says of them, and `lounge` the session that isn't shown for them. For
// who may see all.
http::Response list_workers(const api::Database &database, const std::string &lounge,
                            const std::string &waiting);

} // namespace ayb::worker
