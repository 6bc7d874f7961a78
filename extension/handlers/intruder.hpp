#pragma once
// Who, beside superusers, could write jobs and types by hand, and so say as whom they run.
#include "pg/postgres.hpp"

namespace ayb {

// The role, no superuser, to which the extension belongs or one of the tables that say what runs as
// whom; InvalidOid for none. Remembered until one of these changes. Needs a transaction.
Oid intruder();

void install_intruder_callbacks();

} // namespace ayb
