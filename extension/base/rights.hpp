#pragma once
// Who may see and change what. A role has the jobs of every role whose privileges it has; what it
// may with those of all others is its right.
#include "pg/roles.hpp"

namespace ayb {

// Each has those before it: see everything; act on what is there; make and remove. Members of
// ayb_jobs_read, ayb_jobs_operate and ayb_jobs_admin have one, which the grants between these three
// add up; superusers have all.
enum class Right { read, operate, admin };

bool has_right(Oid role, Right right);
inline bool is_admin(Oid role) { return has_right(role, Right::admin); }

// The role whose members have the right.
const char *role_with(Right right);

// Raises 42501: `role` lacks the right. `others` says who may besides: " or owner of …", or "".
[[noreturn]] void refuse_right(Oid role, Right right, const char *others);

// Whether the current role may see what runs as `owner`.
bool may_see(Oid owner);

} // namespace ayb
