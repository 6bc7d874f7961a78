#pragma once
// What a job becomes before it is written: whose it is, and how often it is tried.
#include <optional>

#include "base/options.hpp"
#include "handlers/handlers.hpp"

namespace ayb {

struct Order {
    const char *type;
    Oid run_as;
    Oid enqueued_by;
    std::optional<core::Uuid> registration; // to which it is bound
    uint64 unserved_by; // the type had no handler by this generation of the configuration
    bool builtin;       // the type came with the extension: its payload is checked
    TimestampTz run_at;
    int max_attempts;            // 0 in: the handler's, or else the setting's
    std::optional<int> priority; // none in: the handler's
    TimestampTz now;
    Options options;
    bool waits_for_jobs; // it has parents that are still to come

    // Whose its idempotency key is: a definer's jobs aren't to tell of their owner's.
    Oid key_owner() const { return registration ? enqueued_by : run_as; }
};

// The role that the caller asks for in argument `number`: itself, or one that it is a member of.
// Raises 42704 or 42501.
Oid requested_role(FunctionCallInfo fcinfo, int number);

// Fills in what the type's handler decides for a job that `enqueuer` orders. False where no handler
// is registered. Raises what would keep the job from ever running: 42501, 42883 or 42P13.
bool apply_handler(Order *order, Oid enqueuer);

// Says that the jobs wait for a handler. A NOTICE.
void notice_no_handler(const char *type);

} // namespace ayb
