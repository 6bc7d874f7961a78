#pragma once
// Calling a handler's function.
#include "queue/handlers.hpp"
#include "queue/job.hpp"

namespace ayb {

// Calls the function as the current role, in the current transaction, and turns what it returns
// into jsonb. Raises whatever it raises.
HandlerResult call_handler(const Handler &handler, const Job &job);

} // namespace ayb
