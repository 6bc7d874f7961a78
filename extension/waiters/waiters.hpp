#pragma once
// Sessions that wait for any job (wait_for_jobs()), or for the end of one (wait_for_job()) or of
// any (wait_for_ends()), in shared memory.
//
// Who waits has a place, which says what it may claim, and stands in the queue of its database, the
// longest waiting first. Whoever makes jobs claimable takes one waiter for each out of the queue
// and sets its latch: the waiter has a wake then, a token. It is used up by returning to the client
// for it; a waiter that ends otherwise passes it on (leave_waiters). So a wake reaches one waiter,
// never all, and is not lost with it. What becomes of it behind that, where the client never claims
// or the process was stopped, the scheduler finds (outside/waits.hpp).
//
// A waiter enters before it looks at the lanes, and a commit lowers its lane before it looks for
// waiters: one of them sees the other.
//
// Who waits for the end of a job stands in a queue of its own; all that wait for it are woken, and
// nothing is passed on.
//
// Guarded by Locks::waiters, exclusively, but for what is atomic. The tables have a fixed size.
#include "core/uuid7.hpp"
#include "memory/databases.hpp"
#include "memory/state.hpp"

namespace ayb {

inline constexpr int kMostWaiters = 1024;
inline constexpr int kMostWaitersOfRole = 256;
inline constexpr int kMostWanted = 32; // types, and roles, that are known one by one
inline constexpr int kWaiterNameBytes = 256;

// What a waiter may claim. Where that is more than has room here it is written down as more than it
// is: the waiter looks by itself before it returns.
struct Wanted {
    uint64 types[kMostWanted];
    int type_count;
    bool all_types;
    uint32 of_everybody; // a bit for each of the types: whichever role's
    Oid roles[kMostWanted];
    int role_count;
    bool all_roles;
    bool too_many; // more than has room

    void add_type(const char *type, bool everybody);
    void add_role(Oid role);
    bool wants(Oid role, uint64 type) const;
};

Size waiters_size();
void init_waiters();

// Whether anybody waits in the database, or in another one of the same queue: a load.
bool any_waiters(Oid database);

enum class Entry { done, full, role_full };

// Takes a place for this process, and stands at the end of its database's queue. It has none yet.
// `name` is what others see of it: the worker's, or "".
Entry enter_waiters(Oid role, const char *name, const Wanted &wanted);
Entry enter_waiters(Oid role, const core::Uuid &job);
Entry enter_waiters(Oid role); // for the end of any job

// Stands at the end of it again if it was woken, else where it stands, with what is wanted now. A
// wake is passed on only where it may have been for something that this process can't claim.
void wait_again(const Wanted &wanted);
void wait_again(); // for the end of the same job, or of any

// Whether this process has a wake.
bool was_woken();

// Gives the place back, if it has one. A wake that wasn't `used` goes to the next who wants it.
// Never throws.
void leave_waiters(bool used);

// Wakes so many of those who want jobs of the lane, as far as there are any; how many. Never
// throws.
int wake_waiters(Oid role, uint64 type, int jobs);

// How many there are, up to `most`.
int count_waiters(Oid role, uint64 type, int most);

// One that waits for any job, as others see it.
struct SeenWaiter {
    pid_t pid;
    Oid role;
    TimestampTz since;
    char name[kWaiterNameBytes];
    Wanted wanted;
};

// Those of a database, in no order: palloc'd.
SeenWaiter *copy_waiters(Oid database, int *count);

// Has all of a database look whether they are still to wait. Never throws.
void touch_waiters(Oid database);

// The job has ended, by a commit; or any may have. Never throws.
void tell_ended(const core::Uuid &job);
void tell_any_ended();

// What a commit has made claimable in a lane, from the instant `first` on. Never throws.
void tell_waiters(Database *database, Oid role, const char *type, TimestampTz first, int jobs);

// While a job is due that somebody has been woken for, how long until another is.
inline constexpr int64 kWakeAgain = 100 * 1000; // microseconds

} // namespace ayb
