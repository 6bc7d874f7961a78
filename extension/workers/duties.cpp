#include "workers/duties.hpp"

#include "flows/look.hpp"
#include "handlers/bond.hpp"
#include "handlers/handlers.hpp"
#include "handlers/judge.hpp"
#include "jobs/history.hpp"
#include "jobs/lane_scan.hpp"
#include "lanes/counts.hpp"
#include "lanes/lanes.hpp"
#include "lanes/picks.hpp"
#include "lease/limits.hpp"
#include "lease/recover.hpp"
#include "look/depths.hpp"
#include "look/minutes.hpp"
#include "memory/databases.hpp"
#include "memory/due_floor.hpp"
#include "outside/waits.hpp"
#include "pg/clock.hpp"
#include "pg/prepared.hpp"
#include "pg/roles.hpp"
#include "pg/sql.hpp"
#include "pg/text.hpp"
#include "pg/transaction.hpp"
#include "schedule/clock.hpp"
#include "schedule/tick.hpp"
#include "watch/watch.hpp"
#include "workers/placing.hpp"

#include <algorithm>
#include <optional>

namespace ayb {

namespace {

constexpr int64 kUpkeepEvery = 3600 * kMicrosecondsPerSecond;
constexpr int64 kDaysRetry = 10 * kMicrosecondsPerSecond;    // while days ahead can't be made
constexpr int64 kDropRetry = 60 * kMicrosecondsPerSecond;    // while an old one can't be dropped
constexpr int64 kRecountAfter = 60 * kMicrosecondsPerSecond; // when a count could not be exact
constexpr int64 kWrongClock = 3600 * kMicrosecondsPerSecond;
constexpr int kRetired = 5000; // rows a transaction, and a look
constexpr int kHistoryRead = 20000;
constexpr int64 kRetryAfter = kMicrosecondsPerSecond; // after a step that failed, or found a lock

Sql<core::Uuid, int> g_retire_history{"SELECT ayb_jobs_internal.retire_history($1, $2)"};
Sql<int> g_retire{
    "SELECT ayb_jobs_internal.retire_jobs($1) FROM ayb_jobs_internal.retire_rights()"};

Database *g_database;
// When to look at leases and at schedules again, as far as the last look could tell.
TimestampTz g_leases_wake;
TimestampTz g_ticks_wake;
TimestampTz g_times_wake;
TimestampTz g_limits_wake;
TimestampTz g_waits_wake;
TimestampTz g_children_wake;
std::optional<core::Uuid> g_history_after; // where roles that are gone are looked for next
volatile sig_atomic_t g_long_statement;
bool g_carried_released; // by the last look for trust

// Read before lanes are looked at: see wake() in hooks/changes.cpp.
void note_pause() {
    in_transaction([] { pg_atomic_exchange_u32(&g_database->paused, all_paused() ? 1 : 0); });
}

// What was registered or paused decides which lanes are served, what types have any, and which
// jobs are carried.
void step_lanes(TimestampTz /*now*/) {
    static uint32 carried_by; // configured, when all of these were released
    const uint32 configured = pg_atomic_read_u32(&g_database->configured);
    note_pause();
    forget_dues(g_database->oid);
    enter_limits();
    find_lanes(false);
    if (carried_by != configured && release_carried())
        carried_by = configured;
    pg_write_barrier(); // the lanes came first
    pg_atomic_write_u32(&g_database->found, configured);
    look_for_waiters(g_database);
}

void step_reap(TimestampTz /*now*/) { reap_workers(g_database); }
void step_minutes(TimestampTz now) { write_minutes(now, false); }
void step_depths(TimestampTz now) { write_depths(*g_database, now); }
void step_last_minutes(TimestampTz now) { write_minutes(now, true); }

void step_recover(TimestampTz /*now*/) {
    charge_crashed();
    recover_all();
}

void step_leases(TimestampTz now) {
    const TimestampTz next = recover_expired(g_database, now);
    // What is over and still there is locked by somebody.
    g_leases_wake = next > now ? next : later(now, kRetryAfter);
}

void step_times(TimestampTz now) {
    const TimestampTz next = release_timed(g_database, now);
    g_times_wake = next > now ? next : later(now, kRetryAfter);
}

void step_children(TimestampTz now) { g_children_wake = look_at_all_children(now); }

void step_edges(TimestampTz now) {
    g_long_statement = true;
    read_edges(now);
}

void step_ticks(TimestampTz now) { g_ticks_wake = run_ticks(g_database, now); }

void step_watches(TimestampTz now) {
    g_long_statement = true;
    tell_watches(now);
}

void step_enter_limits(TimestampTz /*now*/) { enter_limits(); }

void step_limits(TimestampTz now) { g_limits_wake = count_limits(now); }

void step_waits(TimestampTz now) { g_waits_wake = wake_for_due(g_database, now); }

void step_days(TimestampTz now) { prepare_days(now); }

void step_old_days(TimestampTz now) {
    g_long_statement = true;
    drop_old_days(now);
}

void step_purge(TimestampTz now) {
    g_long_statement = true;
    purge_ended(now);
}

void step_count(TimestampTz /*now*/) {
    g_long_statement = true;
    if (!count_jobs(g_database))
        pg_atomic_write_u32(&g_database->recount, 1);
}

// Of many, the next look takes more.
void step_gone(TimestampTz /*now*/) {
    g_long_statement = true;
    const int64 rows = in_own_books([] {
        int64 count = 0;
        g_retire.run(kRetired);
        read_row(0, &count);
        return count;
    });
    if (rows == kRetired)
        pg_atomic_write_u32(&g_database->gone, 1);
    g_history_after = core::Uuid{};
    wake_scheduler(g_database);
}

void step_gone_history(TimestampTz /*now*/) {
    g_long_statement = true;
    g_history_after = in_own_books([] {
        std::optional<core::Uuid> next;
        g_retire_history.run(*g_history_after, kHistoryRead);
        read_row(0, &next);
        return next;
    });
    if (g_history_after)
        wake_scheduler(g_database);
}

// Roles that have jobs here, as far as these are counted; none but the one that isn't any.
int roles_with_jobs(Oid *roles) {
    int count = 0;
    each_role(g_database->oid, [&](const RoleLanes &role) {
        int64 jobs = 0;
        for (const State state : {State::queued, State::failed, State::canceled})
            jobs += role.counts[static_cast<int>(state)];
        if (jobs > 0 && OidIsValid(role.key.role) && count < kMaxRoles)
            roles[count++] = role.key.role;
    });
    return count;
}

// Whoever was dropped may have got a job since: one that was just being enqueued, or had run.
void look_for_gone() {
    static Oid roles[kMaxRoles];
    const int count = g_database->counted ? roles_with_jobs(roles) : 0;
    const bool any = count > 0 && in_transaction([count] {
                         return !std::all_of(roles, roles + count, role_exists);
                     });
    if (any)
        pg_atomic_write_u32(&g_database->gone, 1);
}

void run_if_asked(pg_atomic_uint32 *flag, Duty duty, void (*step)(TimestampTz), TimestampTz now,
                  TimestampTz *wake) {
    if (pg_atomic_exchange_u32(flag, 0) == 0 || guarded(duty, step, now))
        return;
    pg_atomic_write_u32(flag, 1);
    *wake = Min(*wake, GetCurrentTimestamp() + kRetryAfter);
}

void keep_house(TimestampTz now, Times *times, TimestampTz *wake) {
    if (now >= times->days || now < times->days - 2 * kUpkeepEvery)
        times->days = now + (guarded(Duty::days, step_days, now) ? kUpkeepEvery : kDaysRetry);
    if (now >= times->edges || now < times->edges - 2 * kUpkeepEvery)
        times->edges = now + (guarded(Duty::edges, step_edges, now) ? kUpkeepEvery : kRetryAfter);
    if (now >= times->old_days || now < times->old_days - 2 * kUpkeepEvery)
        times->old_days =
            now + (guarded(Duty::old_days, step_old_days, now) ? kUpkeepEvery : kDropRetry);
    if (now >= times->upkeep || now < times->upkeep - 2 * kUpkeepEvery) {
        times->upkeep = now + kUpkeepEvery;
        guarded(Duty::purge, step_purge, now);
        pg_atomic_write_u32(&g_database->recount, 1);
        pg_atomic_write_u32(&g_database->doubt, 1); // once an hour it costs nothing
        prune_lanes(g_database->oid);
    }
    run_if_asked(&g_database->gone, Duty::gone, step_gone, now, wake);
    if (g_history_after && !guarded(Duty::gone_history, step_gone_history, now))
        *wake = Min(*wake, later(now, kRetryAfter));
    if (pg_atomic_read_u32(&g_database->recount) != 0 && now >= times->recount) {
        begin_recount(g_database);
        guarded(Duty::count, step_count, now);
        times->recount = pg_atomic_read_u32(&g_database->recount) != 0 ? now + kRecountAfter : 0;
        *wake = Min(*wake, times->recount > 0 ? times->recount : *wake);
    }
}

// Reads from the beginning what else begins at a floor, and goes on with that while a transaction
// waits whose commit may not be heard of.
void step_check_floors(TimestampTz /*now*/) {
    if (in_transaction(has_prepared_transactions))
        pg_atomic_write_u32(&g_database->doubt, 1);
    find_lanes(true);
    lower_due(g_database, &g_database->leases, DT_NOBEGIN);
    lower_due(g_database, &g_database->ticks, DT_NOBEGIN);
    lower_due(g_database, &g_database->times, DT_NOBEGIN);
    wake_scheduler(g_database);
}

void step_trust(TimestampTz /*now*/) {
    in_transaction([] { judge_anew(InvalidOid); });
    g_carried_released = release_carried();
}

// Rights, memberships or code have changed since: what waits for trust may have got it. What
// changes meanwhile is looked at by the next tick.
void look_for_trust(TimestampTz now) {
    static uint64 seen;
    const uint64 generation = code_generation();
    if (seen != generation && guarded(Duty::lanes, step_trust, now) && g_carried_released)
        seen = generation;
}

// The net below all wake-ups: at least once a tick everything is looked at.
void tick(TimestampTz now, Times *times) {
    if (now < times->tick &&
        now >= times->tick - 2 * settings::scheduler_tick * kMicrosecondsPerMillisecond)
        return;
    times->tick = later(now, settings::scheduler_tick * kMicrosecondsPerMillisecond);
    pg_atomic_write_u32(&g_database->rescan, 1);
    guarded(Duty::minutes, step_minutes, now);
    guarded(Duty::depths, step_depths, now);
    guarded(Duty::watches, step_watches, now);
    look_for_trust(now);
    look_for_gone();
    if (pg_atomic_exchange_u32(&g_database->doubt, 0) != 0 &&
        !guarded(Duty::floors, step_check_floors, now))
        pg_atomic_write_u32(&g_database->doubt, 1);
}

// Takes a step when its floor is due; returns when it is due next, which the step has left in
// `next`.
TimestampTz take_if_due(const TimeFloor &floor, Duty duty, void (*step)(TimestampTz),
                        const TimestampTz &next, TimestampTz now) {
    const TimestampTz due = mark_due(g_database, floor).at;
    if (due > now)
        return due;
    return guarded(duty, step, now) ? next : later(now, kRetryAfter);
}

// Lets jobs go on whose parents have ended; returns when what is left is to be looked at again.
TimestampTz look_at_kin(TimestampTz now) {
    if (!any_look_left())
        return DT_NOEND;
    return guarded(Duty::children, step_children, now) ? g_children_wake : later(now, kRetryAfter);
}

// Enqueues what schedules are due; returns when the next one is. None while a drain is on its way.
TimestampTz look_at_ticks(TimestampTz now) {
    const TimestampTz due = mark_due(g_database, g_database->ticks).at;
    if (due > now)
        return due;
    if (pg_atomic_read_u32(&g_database->draining) != 0)
        return DT_NOEND;
    return guarded(Duty::ticks, step_ticks, now) ? g_ticks_wake : later(now, kRetryAfter);
}

TimestampTz look_at_limits(TimestampTz now) {
    return guarded(Duty::limits, step_limits, now) ? g_limits_wake : later(now, kRetryAfter);
}

// While it is awake, whoever has something sooner for it sets its latch. What waits for a lock or
// for the disk resets that, so that it is kept in mind as well.
void stay_awake() {
    pg_atomic_exchange_u32(&g_database->wanted, 0);
    SpinLockAcquire(&g_database->mutex);
    g_database->sleeping_until = DT_NOEND;
    SpinLockRelease(&g_database->mutex);
}

// By more than an hour it wasn't corrected, but wrong.
void watch_clock(TimestampTz now) {
    static TimestampTz last; // the latest that it showed, until what it has left is set right
    if (last - now <= kWrongClock) {
        last = Max(last, now);
        return;
    }
    ereport(LOG,
            (errmsg("ayb_jobs: the clock was set back by " INT64_FORMAT " s: next ticks, leases "
                    "and back-offs are computed anew",
                    (last - now) / kMicrosecondsPerSecond)));
    g_database->set_back_at = now;
    g_database->set_back_by = last - now;
    if (guarded(Duty::clock, forget_future, now))
        last = now;
}

void report_trouble(Duty duty, const ErrorData &error) {
    char text[kErrorBytes];
    strlcpy(text, error.message, clipped_bytes(error.message, kErrorBytes - 1) + 1);
    note_trouble(g_database, duty, text);
    ereport(LOG, (errcode(error.sqlerrcode), errmsg("ayb_jobs scheduler: %s", error.message),
                  error.hint != nullptr ? errhint("%s", error.hint) : 0));
}

} // namespace

bool guarded(Duty duty, void (*step)(TimestampTz), TimestampTz now) {
    MemoryContext before = CurrentMemoryContext;
    volatile bool good = true;
    PG_TRY();
    {
        step(now);
        Assert(CurrentMemoryContext == before); // else the next step allocates in what is freed
    }
    PG_CATCH();
    {
        MemoryContextSwitchTo(before);
        ErrorData *error = CopyErrorData();
        FlushErrorState();
        AbortCurrentTransaction();
        MemoryContextSwitchTo(before);
        report_trouble(duty, *error);
        FreeErrorData(error);
        good = false;
    }
    PG_END_TRY();
    g_long_statement = false;
    if (good)
        note_trouble(g_database, duty, nullptr);
    return good;
}

bool in_long_statement() { return g_long_statement; }

void take_duties(Database *database) { g_database = database; }

void begin_duties(Times *times) {
    guarded(Duty::limits, step_enter_limits, clock_now()); // before any lane is judged
    guarded(Duty::recover, step_recover, clock_now());
    times->upkeep = later(clock_now(), kUpkeepEvery / 60); // not in the rush of a start
    times->old_days = times->upkeep;
}

TimestampTz look(TimestampTz now, Times *times) {
    stay_awake();
    watch_clock(now);
    TimestampTz wake = look_at_ticks(now);
    tick(now, times);
    if (!guarded(Duty::workers, step_reap, now))
        wake = Min(wake, later(now, kRetryAfter));
    run_if_asked(&g_database->rescan, Duty::lanes, step_lanes, now, &wake);
    wake =
        Min(wake, take_if_due(g_database->leases, Duty::leases, step_leases, g_leases_wake, now));
    wake = Min(wake, take_if_due(g_database->times, Duty::times, step_times, g_times_wake, now));
    wake = Min(wake, look_at_kin(now));
    wake = Min(wake, look_at_limits(now));
    wake = Min(wake, take_if_due(g_database->waits, Duty::waits, step_waits, g_waits_wake, now));
    wake = Min(wake, place_workers(g_database, clock_now()));
    keep_house(now, times, &wake);
    return Min(wake, times->tick);
}

void reap() { guarded(Duty::workers, step_reap, clock_now()); }

void write_last_minutes() { guarded(Duty::minutes, step_last_minutes, clock_now()); }

} // namespace ayb
