#include "lease/recover.hpp"

#include "base/arguments.hpp"
#include "handlers/handlers.hpp"
#include "hooks/changes.hpp"
#include "jobs/finish.hpp"
#include "memory/crashed.hpp"
#include "memory/databases.hpp"
#include "memory/due_floor.hpp"
#include "memory/slots.hpp"
#include "pg/clock.hpp"
#include "pg/sql.hpp"
#include "records/type_stats.hpp"

namespace ayb {

namespace {

constexpr int kMost = 1000; // jobs looked at in one transaction

#define AYB_HELD                                                                                   \
    "SELECT q.id, q.worker_id, q.attempts, q.runs, q.type, q.run_as::oid, q.waits_for, q.run_at,"  \
    " q.lease_until FROM ayb_jobs.job_queue AS q WHERE "
#define AYB_EXPIRED AYB_HELD "q.state = 'running' AND q.lease_until >= $3 AND q.lease_until <= $1"
#define AYB_IN_TURN " ORDER BY q.lease_until LIMIT $2 FOR UPDATE SKIP LOCKED"

// Now, how many, from where on: the floor of leases.
template <typename... Whose> using Expired = Sql<At, int, At, Whose...>;
Expired<> g_expired{AYB_EXPIRED AYB_IN_TURN};
Expired<bool, OidArray> g_expired_external{
    AYB_EXPIRED " AND q.waits_for = 'external' AND ($4 OR q.run_as = ANY ($5) OR " AYB_MAY_WORK(
        "q", "$5") ")" AYB_IN_TURN};
Sql<> g_ours{AYB_HELD "q.state = 'running' AND q.waits_for IS NULL"};
Sql<core::Uuid, int> g_one{AYB_HELD "q.id = $1 AND q.lease_until IS NOT NULL AND q.runs = $2"};

#undef AYB_HELD
#undef AYB_EXPIRED
#undef AYB_IN_TURN

Sql<core::Uuid, At> g_extend{R"sql(
    UPDATE ayb_jobs.job_queue AS q SET lease_until = $2 WHERE q.id = $1
)sql"};
Sql<At, At> g_next_lease{R"sql(
    SELECT q.lease_until
    FROM ayb_jobs.job_queue AS q
    WHERE q.state = 'running' AND q.lease_until >= $1 AND q.lease_until < $2
    ORDER BY q.lease_until
    LIMIT 1
)sql"};
// The claim was lost with the crash: the row is as it was before, and is claimed again here.
Sql<core::Uuid, int, At> g_reclaim{R"sql(
    UPDATE ayb_jobs.job_queue AS q
    SET state = 'running', attempts = q.attempts + 1, runs = $2, worker_id = 'crashed',
        lease_until = $3, last_run_at = $3
    WHERE q.id = $1 AND q.state = 'queued' AND q.runs = $2 - 1 AND q.waits_for IS NULL
)sql"};

// What is due and still locked by somebody is left for the next look.
Sql<At, int, At> g_release_timed{R"sql(
    WITH due AS (
        SELECT q.id
        FROM ayb_jobs.job_queue AS q
        WHERE q.waits_for = 'time' AND q.state = 'queued' AND q.partition_key IS NOT NULL
            AND q.run_at >= $3 AND q.run_at <= $1
        ORDER BY q.waits_for, q.state, q.run_at
        LIMIT $2
        FOR UPDATE SKIP LOCKED
    )
    UPDATE ayb_jobs.job_queue AS q SET waits_for = NULL FROM due AS d WHERE q.id = d.id
)sql"};
Sql<At> g_next_time{R"sql(
    SELECT q.run_at
    FROM ayb_jobs.job_queue AS q
    WHERE q.waits_for = 'time' AND q.state = 'queued' AND q.partition_key IS NOT NULL
        AND q.run_at >= $1
    ORDER BY q.waits_for, q.state, q.run_at
    LIMIT 1
)sql"};

struct Held {
    core::Uuid id;
    char worker[256];
    int attempt; // that is charged
    int run;
    char type[kTypeBytes];
    Oid run_as;
    WaitsFor waits_for;
    TimestampTz run_at;
    TimestampTz lease_until;

    bool external() const { return waits_for != WaitsFor::worker; }
};

Held *read_held(uint64 rows) {
    auto *held = static_cast<Held *>(palloc0((rows + 1) * sizeof(Held)));
    for (uint64 row = 0; row < rows; row++) {
        Held &job = held[row];
        read_row(row, &job.id, &job.worker, &job.attempt, &job.run, &job.type, &job.run_as,
                 &job.waits_for, &job.run_at, &job.lease_until);
    }
    return held;
}

// The first loss goes back at once, and so does any of a worker outside. One of ours that is lost
// again may be what ends its worker: it waits its back-off.
TimestampTz lost_retry_time(const Held &job, TimestampTz now) {
    return job.external() || job.attempt <= 1 ? job.run_at : retry_time(job.type, job.attempt, now);
}

void lose(const Held &job, const char *why, TimestampTz now) {
    auto *failure = static_cast<Failure *>(palloc0(sizeof(Failure)));
    set_failure(failure, "", why);
    bool failed = false;
    if (!fail_job(job.id, job.worker, job.run, *failure, why, "lost", lost_retry_time(job, now),
                  now, &failed))
        return;
    if (preloaded()) {
        add_outcome(MyDatabaseId, job.run_as, job.type, failed ? Outcome::failed : Outcome::lost,
                    -1, -1, -1);
        if (Database *database = find_database(MyDatabaseId)) {
            SpinLockAcquire(&database->mutex);
            database->leases_lost++;
            database->lost_at = now;
            SpinLockRelease(&database->mutex);
        }
    }
    ereport(LOG, (errmsg("job %s was lost: %s", uuid_text(job.id), why)));
}

constexpr const char *kWorkerGone = "the worker process ended while the job ran";
constexpr const char *kServerCrashed = "the server crashed or was stopped while the job ran";
constexpr const char *kLeaseOver = "the lease ended before the worker completed the job";

void settle_expired(const Held &job, TimestampTz now) {
    if (!job.external() && worker_lives(job.worker)) {
        g_extend.run(job.id, At{later(now, settings::lease_duration * kMicrosecondsPerSecond)});
    } else {
        lose(job, job.external() ? kLeaseOver : kWorkerGone, now);
    }
}

void settle_all_expired(uint64 rows, TimestampTz now) {
    const Held *held = read_held(rows);
    for (uint64 row = 0; row < rows; row++)
        settle_expired(held[row], now);
}

// What became of the job whose worker is gone. Inside the books.
void settle_abandoned(const WorkerSlot &slot, const Held &held, TimestampTz now) {
    if (slot.cancel_wanted && slot.cancel_job == slot.job)
        cancel_job(slot.job, slot.worker_id, slot.run, now);
    else if (slot.put_back)
        put_back_job(slot.job, slot.worker_id, slot.run, now);
    else
        lose(held, kWorkerGone, now);
}

// The first lease that ends after the mark and before the horizon, or else the horizon.
TimestampTz next_lease(const TimeMark &mark, TimestampTz horizon) {
    TimestampTz next = horizon;
    if (g_next_lease.run(At{mark.at}, At{horizon}) > 0)
        read_row(0, &next);
    return next;
}

} // namespace

void recover_slot(int index) {
    WorkerSlot slot;
    copy_slot(index, &slot);
    const TimestampTz now = clock_now();
    in_own_books([&] {
        if (g_one.run(slot.job, slot.run) == 0)
            return;
        const Held *held = read_held(1);
        if (strcmp(held->worker, slot.worker_id) == 0)
            settle_abandoned(slot, *held, now);
    });
    free_slot(index);
}

void recover_all() {
    const TimestampTz now = clock_now();
    in_own_books([now] {
        const uint64 rows = g_ours.run();
        const Held *held = read_held(rows);
        for (uint64 row = 0; row < rows; row++)
            if (!worker_lives(held[row].worker))
                lose(held[row], kServerCrashed, now);
    });
}

void charge_crashed() {
    const TimestampTz now = clock_now();
    const CrashedJobs crashed = crashed_jobs();
    for (int i = 0; i < crashed.count; i++) {
        RunningJob &job = crashed.jobs[i];
        if (job.magic == 0 || job.database != MyDatabaseId)
            continue;
        in_own_books([&] { g_reclaim.run(job.job, job.run, At{now}); });
        job.magic = 0;
    }
}

TimestampTz recover_expired(Database *database, TimestampTz now) {
    // No further than to the next tick: beyond it lie the leases of many a job that has ended.
    const TimestampTz horizon = later(now, settings::scheduler_tick * kMicrosecondsPerMillisecond);
    uint64 rows;
    TimestampTz next;
    do {
        CHECK_FOR_INTERRUPTS();
        const TimeMark mark = mark_due(database, database->leases);
        in_own_books([&] {
            rows = g_expired.run(At{now}, kMost, At{mark.at});
            settle_all_expired(rows, now);
            next = next_lease(mark, horizon);
        });
        // Not before the commit: what the look showed is what this transaction has made of it.
        next = raise_due(database, &database->leases, mark, next);
    } while (rows == kMost);
    return next;
}

TimestampTz release_timed(Database *database, TimestampTz now) {
    uint64 rows;
    TimestampTz next;
    do {
        CHECK_FOR_INTERRUPTS();
        const TimeMark mark = mark_due(database, database->times);
        in_own_books([&] {
            rows = g_release_timed.run(At{now}, kMost, At{mark.at});
            next = DT_NOEND;
            if (g_next_time.run(At{mark.at}) > 0)
                read_row(0, &next);
        });
        next = raise_due(database, &database->times, mark, next);
    } while (rows == kMost);
    return next;
}

void recover_expired_external(TimestampTz now, const Viewer &me) {
    Database *database = find_served(MyDatabaseId);
    const TimestampTz floor =
        database != nullptr ? mark_due(database, database->leases).at : DT_NOBEGIN;
    const At from{Min(floor, own_next_lease())};
    settle_all_expired(g_expired_external.run(At{now}, kMost, from, me.all, OidArray(me.array)),
                       now);
}

} // namespace ayb
