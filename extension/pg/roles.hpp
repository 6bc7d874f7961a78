#pragma once
// Who may see and change what. A role has the jobs of every role whose privileges it has; members
// of ayb_jobs_admin, and superusers, have all.
#include "pg/postgres.hpp"

namespace ayb {

bool is_admin(Oid role);

// Whether the current role may see and change what runs as `owner`.
bool may_touch(Oid owner);

// Why a worker can't log in as the role, or null if it can: it is gone, or lacks LOGIN or CONNECT.
// The text is palloc'd. Needs a transaction.
const char *why_no_login(Oid role);

// Every role whose privileges the current role has, as oid[].
ArrayType *visible_roles();

// Whom a sidecar's session works for, as it says; null where it says nothing, or is none.
const char *actor();

// The role's name, or its number in digits where it is gone. Palloc'd.
const char *role_name(Oid role);

} // namespace ayb
