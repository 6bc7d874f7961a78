#pragma once
// Whose eyes a change is looked at with: a role of the database and its claims, settings that
// policies read.
//
// SET ROLE would be no wall, as a policy's function may set it back. So what is looked up for a
// subscriber is done as the role by a local change of the user, in a security-restricted operation,
// read only, in a subtransaction that is always rolled back: it leaves no role, setting, message or
// lock behind for the next one.
#include "pg/postgres.hpp"

namespace ayb {

inline constexpr int kMostClaims = 16;

struct Claim {
    const char *name;
    const char *value;
};

struct Subscriber {
    Oid role;
    Jsonb *settings; // null for none
    Claim claims[kMostClaims];
    int claim_count;
};

// Out of arguments `role` and `settings`: 22004, 42704, 42501 where the session may not be that
// role or it would see everything; 22023 for what is no claim.
Subscriber subscriber_arguments(FunctionCallInfo fcinfo, int role, int settings);

// A number for the memberships by which the role has its privileges.
uint64 rights_of(Oid role);

// Runs `work` as the subscriber, with SPI connected, and undoes all of it. Null where it ended
// well, else the error, in the caller's memory. A cancel or the end of the session goes on to the
// caller.
ErrorData *as_subscriber(const Subscriber &subscriber, void (*work)(void *context), void *context);

// Inside `work`: sets again what a policy's function has set for whatever comes after it.
void restore_settings(const Subscriber &subscriber);

// The time that one call has: a cancel after a second, the end of the session after two.
void start_budget();
void stop_budget();

} // namespace ayb
