#pragma once
// What job types run, which are paused, and what they are limited to. A session keeps the handlers
// that it has asked for, no more than some, and forgets them when one changes.
#include <optional>

#include "base/job.hpp"
#include "memory/state.hpp"
#include "turns/limits.hpp"

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
    int64 timeout_ms;                       // 0 for none
    int max_attempts;                       // 0 for the setting's
    int priority;                           // of jobs that name none
    std::optional<core::Uuid> registration; // of a definer
    bool grouped;                           // may go the grouped way
    bool dead_letter;                       // a job tells of each that has failed for good
    int backoff_count;                      // 0 for the default
    int64 backoff_ms[kMaxBackoffSteps];
};

// The handler of a type, or null. Valid until the next call of any of these. Needs a snapshot.
const Handler *find_handler(const char *type);

// Says that so many are about to be asked for.
void expect_handlers(long types);

// Whether the type's completed jobs are kept, as far as any are; and the types whose aren't,
// palloc'd: mostly none.
bool keeps_history(const char *type);
ArrayType *unkept_types();

// By which generation of the configuration find_handler() has just answered; 0 where that can't be
// kept.
uint64 answered_generation();

// The registered type that would stand in the same lanes, by its hash: there is one at most. Inside
// the books.
bool registered_beside(const char *type, char (*other)[kTypeBytes]);

// How long a job of the handler may run, in milliseconds; 0 is for ever.
int64 time_limit(const Handler &handler);

// What is set for a type; null where it has no limit. Valid until the next call of any of these.
const LimitRule *find_rule(const char *type);
// Whether the jobs of each of its keys go in order.
bool is_ordered(const char *type);
// Calls `visit` for each type that has one.
void each_rule(void (*visit)(const char *type, const LimitRule &rule, void *context),
               void *context);

// Whether workers outside of `worker`, a role, may take this role's jobs of the type by a grant of
// the type's owner, which lapses when that changes, or of the role itself.
bool may_work(const char *type, Oid run_as, Oid worker);
// Calls `visit` for each grant by which it may take any: with the role whose jobs these are, or
// InvalidOid for all who trust the type's owner.
void each_granted(const char *type, Oid worker, void (*visit)(Oid for_role, void *context),
                  void *context);
// The same as a condition, of a row that has a type and a run_as, for whoever has one of `roles`.
#define AYB_MAY_WORK(row, roles)                                                                   \
    "EXISTS (SELECT FROM ayb_jobs.worker_grants AS g WHERE g.type = " row ".type"                  \
    " AND g.role = ANY (" roles ") AND coalesce(g.for_role, " row ".run_as) = " row ".run_as"      \
    " AND (g.for_role IS NOT NULL OR g.granted_by ="                                               \
    " (SELECT h.owner FROM ayb_jobs.handlers AS h WHERE h.type = g.type)))"

bool all_paused();
bool is_paused(const char *type);

// By which generation of the configuration, or a later one, these will answer; 0 where what they
// answer can't be kept.
uint64 handlers_generation();

// Calls `visit` for each handler.
void each_handler(void (*visit)(const Handler &handler, void *context), void *context);

// Why a handler doesn't serve the jobs of a role. They wait then, uncharged.
enum class Doubt : uint8 {
    none,
    missing,  // the function is gone
    shape,    // it is no plain function any more
    schema,   // no USAGE on its schema
    execute,  // no EXECUTE on it
    type,     // the role doesn't trust the type's owner
    code,     // nor the code's
    bond,     // the job is bound to another registration
    enqueuer, // who enqueued the job is gone
    books,    // whoever has a table of ours could have written the job
};

namespace core {
template <> struct Words<Doubt> {
    static constexpr const char *kWords[] = {"",
                                             "its function is gone",
                                             "its function is none that can be a handler",
                                             "the role may not use the schema of its function",
                                             "the role may not execute its function",
                                             "the role doesn't trust the type's owner",
                                             "the role doesn't trust the owner of its code",
                                             "they are bound to another registration of it",
                                             "that role does not exist any more",
                                             "a table of the extension is another role's"};
};
} // namespace core

// What a handler has for a role, with every check that must hold at each run.
struct Code {
    Oid function; // InvalidOid where it is none, or is gone
    Doubt doubt;
};

// Needs a snapshot.
Code code_of(const Handler &handler, Oid role);
Doubt doubt_of(const Handler &handler, Oid role);

// The statement that ends the doubt, or what else does: palloc'd.
const char *remedy_of(const Handler &handler, Doubt doubt, Oid role);

// Raises 42883, 42501 or 42P13, by the doubt.
[[noreturn]] void refuse_doubt(const Handler &handler, Doubt doubt, Oid role);

// The same where there is one; else gives the function.
Oid require_code(const Handler &handler, Oid role);

// Raises 42P13 unless a function of this shape can be a handler.
void check_handler_shape(const char *type, const FormData_pg_proc *form);

// Why a job of `run_as` that is bound may not run by the handler, which is null where the type has
// none. Needs a snapshot.
Doubt doubt_of_bond(const Handler *handler, const Bond &bond, Oid run_as);

// What ends it: palloc'd.
const char *remedy_of_bond(const Handler *handler, Doubt doubt, const char *type, const Bond &bond,
                           Oid run_as);

// Counts whatever may change what code_of() and doubt_of_bond() say. Others' commits count once
// AcceptInvalidationMessages() has been called. Never 0.
uint64 code_generation();

void install_handler_callbacks();

} // namespace ayb
