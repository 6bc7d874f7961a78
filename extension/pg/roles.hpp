#pragma once
// What a role may do, and whose privileges it has.
#include "pg/postgres.hpp"

namespace ayb {

// Whether there is a role of this number.
bool role_exists(Oid role);

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
