#pragma once
// What enqueue() does with its arguments, for those that do it many times.
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

// The arguments of enqueue(), in their order: the new job, or the one that has its key, which makes
// `*is_new` false. `*unhandled` as above.
core::Uuid enqueue_one(FunctionCallInfo fcinfo, bool *is_new, const char **unhandled);

inline constexpr int kEnqueueArguments = 11;

// Of a key that isn't NULL: 22023 for one that is empty or too long.
void check_key(Datum key, const char *name);

} // namespace ayb
