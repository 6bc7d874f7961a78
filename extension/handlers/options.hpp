#pragma once
// What register_handler() takes in its argument `options`: what few types need.
#include "pg/postgres.hpp"

namespace ayb {

struct HandlerOptions {
    bool enqueuer_sees = true; // a definer's jobs
};

// Raises 22023 for a key that there isn't, a value of another type, or one that says nothing of
// such a handler. NULL is as {}, and so is a key that is null.
HandlerOptions handler_options(FunctionCallInfo fcinfo, int number, bool definer);

} // namespace ayb
