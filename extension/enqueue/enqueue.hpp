#pragma once
// What enqueue() does with its arguments, for those that do it many times.
#include "base/objects.hpp"
#include "core/uuid7.hpp"
#include "jobs/order.hpp"

namespace ayb {

// The numbers of a function's arguments; one beyond its last is an argument that it hasn't.
struct OrderArguments {
    int run_at;
    int delay;
    int max_attempts;
    int run_as;
    int priority;
    int unique_key;
    int options;
};

// The order that the arguments give for jobs of this type. `*unhandled` is the type of which was
// said last, in this call, that it has no handler: it isn't said again. Raises what keeps a job
// from being ordered.
Order make_order(FunctionCallInfo fcinfo, const char *type, const OrderArguments &at,
                 const char **unhandled);

// A step of a flow: its parents are written by who makes that.
struct Step {
    core::Uuid flow;
    bool waits; // it has any
};

// The arguments of enqueue(), in their order: the new job, or the one that has its key, which makes
// `*is_new` false. `*unhandled` as above. `step` is null for what is none.
core::Uuid enqueue_one(FunctionCallInfo fcinfo, bool *is_new, const char **unhandled,
                       const Step *step = nullptr);

// The arguments of enqueue() as keys of an object, in their order.
inline constexpr int kEnqueueArguments = 12;
extern const Key kEnqueueKeys[kEnqueueArguments];
inline constexpr int kPayloadArgument = 1;
inline constexpr int kDependsOnArgument = 10;

// {}: what enqueue() has for a payload that is left out.
Datum no_payload();

// Of a key that isn't NULL: 22023 for one that is empty or too long.
void check_key(Datum key, const char *name);

} // namespace ayb
