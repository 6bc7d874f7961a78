#pragma once
// Which attempt a call of a worker outside is about, and that it still holds it.
#include "pg/postgres.hpp"
#include "core/uuid7.hpp"
#include "memory/state.hpp"

namespace ayb {

// The attempt that a call is about, and who calls.
struct Attempt {
    core::Uuid id;
    const char *worker;
    int run;
    Oid me;
    bool admin;
    MemoryContext context;
};

// The arguments 0 to 2. 22004, 22023.
Attempt attempt_arguments(FunctionCallInfo fcinfo);

// What ends or goes on with a job that is held needs to know of it.
struct Held {
    char type[kTypeBytes];
    Oid run_as;
    int attempt; // that is charged
};

// Says why the attempt isn't held, as far as the caller may know: 55000 that names the state found,
// P0002. Inside the books.
[[noreturn]] void refuse_held(const Attempt &attempt);

// The job, its row locked, if the worker holds this attempt: a claim belongs to the role that made
// it, whatever that may see by now. 55000 that names the state found, if not. Inside the books.
Held require_held(const Attempt &attempt);

} // namespace ayb
