#pragma once
// What job types run, and which are paused: read once a session, and anew when either table
// changes.
#include "pg/postgres.hpp"
#include "memory/state.hpp"

namespace ayb {

enum class Kind { function, command, external };

namespace core {
template <> struct Words<Kind> {
    static constexpr const char *kWords[] = {"function", "command", "external"};
};
} // namespace core

inline constexpr int kMaxBackoffSteps = 32;

struct Handler {
    char type[kTypeBytes]; // must be first: the key
    Kind kind;
    Oid owner;
    NameData schema;
    NameData name;
    Oid function_owner; // when it was registered
    bool takes_payload;
    const char *command; // null for the built-in type command: its payload has it
    bool builtin;
    int64 timeout_ms; // 0 for none
    int max_attempts; // 0 for the setting's
    bool definer;
    bool grouped;      // may go the grouped way
    int backoff_count; // 0 for the default
    int64 backoff_ms[kMaxBackoffSteps];
};

// The handler of a type, or null. Valid until the next call of any of these. Needs a snapshot.
const Handler *find_handler(const char *type);

// The registered type that would stand in the same lanes, by its hash: there is one at most. Inside
// the books.
bool registered_beside(const char *type, char (*other)[kTypeBytes]);

// How long a job of the handler may run, in milliseconds; 0 is for ever.
int64 time_limit(const Handler &handler);

bool all_paused();
bool is_paused(const char *type);

// By which generation of the configuration these answer; 0 where what they answer can't be kept.
uint64 handlers_generation();

// Calls `visit` for each handler.
void each_handler(void (*visit)(const Handler &handler, void *context), void *context);

// Resolves the function of a handler for role `role`, with every check that must hold at each run:
// it is there, takes and gives what it should, `role` may execute it, and nobody else's code would
// run as `role`. Raises 42883, 42501 or 42P13.
Oid resolve_function(const Handler &handler, Oid role);

// Raises 42P13 unless a function of this shape can be a handler.
void check_handler_shape(const char *type, const FormData_pg_proc *form);

// Raises 42501 unless the handler's code may run as `role`: for a command, what was registered.
void check_command(const Handler &handler, Oid role);

// Counts whatever may change what resolve_function() says. Others' commits count once
// AcceptInvalidationMessages() has been called. Never 0.
uint64 code_generation();

void install_handler_callbacks();

} // namespace ayb
