#pragma once
// Whose turn it is among the roles that have jobs of a type whose limit is for all of them
// (limits.hpp): a place that is free, or a start, goes to the role that has had the fewest, and of
// those to the one that has waited longest. What is counted are jobs, so that a group is as many
// turns as it has jobs. Where several are free a role may have what is left when each of those
// before it has caught up with it.
//
// Roles join when somebody who could take a job of theirs meets one that is due, and leave when
// there is none. Whoever enters has had as many turns as the first of those that are there. A place
// is kept for a role only while somebody is there to take it: a worker that is at no long job;
// outside nobody knows. One whose turn it was for longer than ayb_jobs.poll_interval has lapsed,
// and nobody waits for it, until somebody looks at its jobs again.
//
// All of it under Locks::limits, but for what is published: who looks whether a role may start.
#include "memory/part.hpp"

namespace ayb {

inline constexpr int kMostInLine = 32; // further roles have what these leave

struct RoleTurn {
    Oid role;
    bool asks;    // whoever looked has gone, and is to be told
    bool outside; // that was somebody outside
    bool lapsed;
    uint64 served;     // jobs
    TimestampTz since; // when its turn came; 0 where it hasn't
};

struct RoleLine {
    bool is_kept; // the type has such a limit
    int count;    // of the roles, which stand in the order of their turns
    bool more;    // there was no room for another one, which is to be told
    RoleTurn roles[kMostInLine];

    // Without a lock: how many there are, and the roles, each with what turn_of_role() makes of it;
    // whether others may start; when the first one that others wait for lapses. A moment too old
    // they cost a look.
    pg_atomic_uint32 published;
    pg_atomic_uint64 turns[kMostInLine];
    pg_atomic_uint32 others;
    pg_atomic_uint64 lapses_at;
    pg_atomic_uint32 alone; // jobs of a role that has nobody to share with, to be counted
};

void open_role_line(RoleLine *line);

// Roles that are told that they may start a job.
inline constexpr int kMostTold = kMostInLine;
struct Opened {
    Oid roles[kMostTold];
    int count;
    bool more; // all roles of the database
    int jobs;  // for how many there is

    void add(Oid role);
    bool any() const { return count > 0 || more; }
};

// Who meets jobs of a role that are due.
enum class Asker {
    passing, // and goes on: a commit
    worker,
    outside,
};

// Null where there is no room for it.
RoleTurn *join_line(RoleLine *line, Oid role, Asker asker);
void quit_line(RoleLine *line, Oid role);

// Of a role that has joined, or null for one that had no room: whether one of so many free places
// is for it.
bool has_turn(const RoleLine &line, Oid database, const RoleTurn *mine, int free, TimestampTz now);
// It has one more job; or so many of those that it had haven't begun.
void serve_in_line(RoleLine *line, Oid role);
void take_back_in_line(RoleLine *line, Oid role, int jobs);
// One more job of the only role that takes part, without the lock. Whoever joins meanwhile may find
// one too few of each of its workers.
void serve_alone(RoleLine *line);
// How many roles take part, without the lock.
int roles_in_line(const RoleLine &line);

// What that has come to: so many are free, now or at a later instant. Those whose turn it is and
// that ask are told; one that isn't kept is over then.
void publish_line(RoleLine *line, Oid database, int free, TimestampTz now, TimestampTz at,
                  Opened *opened);

// When the role may start one, without the lock: DT_NOBEGIN, or when to look again at last.
TimestampTz turn_comes_at(const RoleLine &line, Oid role);
enum class InLine { no, lapsed, yes, unkept };
InLine is_in_line(const RoleLine &line, Oid role);

} // namespace ayb
