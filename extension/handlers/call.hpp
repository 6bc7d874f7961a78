#pragma once
// Calling a handler's function.
#include "base/job.hpp"
#include "handlers/handlers.hpp"

namespace ayb {

// A function that may be called any number of times, as long as code_generation() is the same.
struct Callable {
    FmgrInfo info;
    Oid result;
    bool takes_payload;
    bool forgets; // keeps nothing from one subtransaction for the next: made anew for each call
};

// `function` is the handler's, for the current role. What it keeps between calls lives in
// `context`.
void prepare_call(const Handler &handler, Oid function, MemoryContext context, Callable *callable);

// Calls it in the current transaction, and turns what it returns into jsonb. Raises whatever it
// raises.
HandlerResult call(Callable *callable, Datum payload);

} // namespace ayb
