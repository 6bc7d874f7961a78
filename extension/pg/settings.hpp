#pragma once
// The settings `ayb_jobs.*`: declared and described in settings.cpp, and plain values everywhere.
#include <cstdint>

namespace ayb::settings {

extern bool enabled;
extern char *databases;
extern char *actor; // whom the session works for; pg/roles.hpp says whether that counts
extern int worker_concurrency;
extern int poll_interval;  // milliseconds
extern int lease_duration; // seconds
extern int max_attempts;
extern int scheduler_tick;      // milliseconds
extern int priority_step;       // milliseconds
extern int job_timeout;         // milliseconds; 0 for none
extern int max_job_timeout;     // the same; bounds the one before and what handlers name
extern int worker_idle_timeout; // milliseconds
extern int shutdown_timeout;    // milliseconds
extern int retention;           // seconds; 0 keeps no history
extern int failed_retention;    // seconds; 0 keeps them for ever
extern int synchronous_commit;  // SyncCommitLevel
extern int max_keys;            // of jobs, with any; at the server's start, as the next
extern int max_places;          // of jobs of limited types
extern int realtime_buffer;     // kB; at the server's start
extern int group_size;          // jobs
extern int group_budget;        // milliseconds
extern int test_clock_offset;   // seconds; moves what the engine takes for now, in tests
extern bool test_group_at_once; // types go grouped unmeasured, and after a crash, in tests

inline constexpr int kMaxGroupSize = 1000;

// Declares them all. Called once, by _PG_init.
void define();

// Whether `ayb_jobs.databases` names this database.
bool serves_database(const char *name);

} // namespace ayb::settings
