#include "lease/recover.hpp"

#include "base/arguments.hpp"
#include "hooks/changes.hpp"
#include "jobs/finish.hpp"
#include "memory/crashed.hpp"
#include "memory/databases.hpp"
#include "memory/due_floor.hpp"
#include "memory/slots.hpp"
#include "memory/type_stats.hpp"
#include "pg/books.hpp"
#include "pg/clock.hpp"

namespace ayb {

namespace {

constexpr int kMost = 1000; // jobs looked at in one transaction

Statement s_expired{
    "SELECT q.id, q.worker_id, q.attempts, q.type, q.run_as::oid, q.waits_for, q.run_at, "
    "q.lease_until"
    " FROM ayb_jobs.job_queue AS q WHERE q.state = 'running' AND q.lease_until >= $3"
    " AND q.lease_until <= $1 ORDER BY q.lease_until LIMIT $2 FOR UPDATE SKIP LOCKED",
    3,
    {TIMESTAMPTZOID, INT4OID, TIMESTAMPTZOID},
    nullptr};
Statement s_expired_external{
    "SELECT q.id, q.worker_id, q.attempts, q.type, q.run_as::oid, q.waits_for, q.run_at, "
    "q.lease_until"
    " FROM ayb_jobs.job_queue AS q WHERE q.state = 'running' AND q.lease_until >= $3"
    " AND q.lease_until <= $1 AND q.waits_for = 'external' AND ($4 OR q.run_as = ANY ($5))"
    " ORDER BY q.lease_until LIMIT $2 FOR UPDATE SKIP LOCKED",
    5,
    {TIMESTAMPTZOID, INT4OID, TIMESTAMPTZOID, BOOLOID, OIDARRAYOID},
    nullptr};
Statement s_ours{"SELECT q.id, q.worker_id, q.attempts, q.type, q.run_as::oid, q.waits_for, "
                 "q.run_at, q.lease_until"
                 " FROM ayb_jobs.job_queue AS q WHERE q.state = 'running' AND q.waits_for IS NULL",
                 0,
                 {},
                 nullptr};
Statement s_one{
    "SELECT q.id, q.worker_id, q.attempts, q.type, q.run_as::oid, q.waits_for, q.run_at, "
    "q.lease_until"
    " FROM ayb_jobs.job_queue AS q WHERE q.id = $1 AND q.lease_until IS NOT NULL AND q.attempts = "
    "$2",
    2,
    {UUIDOID, INT4OID},
    nullptr};
Statement s_extend{"UPDATE ayb_jobs.job_queue AS q SET lease_until = $2 WHERE q.id = $1",
                   2,
                   {UUIDOID, TIMESTAMPTZOID},
                   nullptr};
Statement s_next_lease{"SELECT q.lease_until FROM ayb_jobs.job_queue AS q WHERE q.state = 'running'"
                       " AND q.lease_until >= $1 AND q.lease_until < $2"
                       " ORDER BY q.lease_until LIMIT 1",
                       2,
                       {TIMESTAMPTZOID, TIMESTAMPTZOID},
                       nullptr};
// The claim was lost with the crash: the row is as it was before, and is claimed again here.
Statement s_reclaim{
    "UPDATE ayb_jobs.job_queue AS q SET state = 'running', attempts = $2, worker_id = 'crashed',"
    " lease_until = $3, last_run_at = $3 WHERE q.id = $1 AND q.state = 'queued' AND q.attempts = "
    "$2 - 1"
    " AND q.waits_for IS NULL",
    3,
    {UUIDOID, INT4OID, TIMESTAMPTZOID},
    nullptr};

struct Held {
    core::Uuid id;
    char worker[256];
    int attempt;
    char type[kTypeBytes];
    Oid run_as;
    bool external;
    TimestampTz lease_until;
    TimestampTz run_at;
};

Held *read_held(uint64 rows) {
    auto *held = static_cast<Held *>(palloc0((rows + 1) * sizeof(Held)));
    for (uint64 row = 0; row < rows; row++) {
        bool null;
        held[row].id = uuid_value(column(row, 1, &null));
        strlcpy(held[row].worker, text_column(row, 2), sizeof(held[row].worker));
        held[row].attempt = static_cast<int>(int_column(row, 3));
        strlcpy(held[row].type, text_column(row, 4), kTypeBytes);
        held[row].run_as = oid_column(row, 5);
        held[row].external = text_column(row, 6) != nullptr;
        held[row].run_at = time_column(row, 7, 0);
        held[row].lease_until = time_column(row, 8, 0);
    }
    return held;
}

// The first loss goes back at once, and so does any of a worker outside. One of ours that is lost
// again may be what ends its worker: it waits its back-off.
TimestampTz lost_retry_time(const Held &job, TimestampTz now) {
    return job.external || job.attempt <= 1 ? job.run_at : retry_time(job.type, job.attempt, now);
}

void lose(const Held &job, const char *why, TimestampTz now) {
    auto *failure = static_cast<Failure *>(palloc0(sizeof(Failure)));
    set_failure(failure, "", why);
    bool failed = false;
    if (!fail_job(job.id, job.worker, job.attempt, *failure, why, "lost", lost_retry_time(job, now),
                  now, &failed))
        return;
    if (preloaded()) {
        add_outcome(MyDatabaseId, job.run_as, job.type, failed ? Outcome::failed : Outcome::lost,
                    -1, -1, -1);
        if (Database *database = find_database(MyDatabaseId)) {
            SpinLockAcquire(&database->mutex);
            database->leases_lost++;
            SpinLockRelease(&database->mutex);
        }
    }
    ereport(LOG, (errmsg("job %s was lost: %s", uuid_text(job.id), why)));
}

Books begin() {
    StartTransactionCommand();
    PushActiveSnapshot(GetTransactionSnapshot());
    return open_books();
}

void end(const Books &books) {
    close_books(books);
    PopActiveSnapshot();
    CommitTransactionCommand();
}

constexpr const char *kWorkerGone = "the worker process ended while the job ran";
constexpr const char *kServerCrashed = "the server crashed or was stopped while the job ran";
constexpr const char *kLeaseOver = "the lease ended before the worker completed the job";

void settle_expired(const Held &job, TimestampTz now) {
    if (!job.external && worker_lives(job.worker)) {
        Parameters parameters;
        parameters.set(1, uuid_datum(job.id));
        parameters.set_time(2, later(now, settings::lease_duration * kMicrosecondsPerSecond));
        run_statement(s_extend, parameters);
    } else {
        lose(job, job.external ? kLeaseOver : kWorkerGone, now);
    }
}

uint64 settle_all_expired(Statement &statement, Parameters parameters, TimestampTz floor,
                          TimestampTz now) {
    parameters.set_time(1, now).set(2, Int32GetDatum(kMost)).set_time(3, floor);
    const uint64 rows = run_statement(statement, parameters);
    const Held *held = read_held(rows);
    for (uint64 row = 0; row < rows; row++)
        settle_expired(held[row], now);
    return rows;
}

} // namespace

void recover_slot(int index) {
    WorkerSlot slot;
    copy_slot(index, &slot);
    const TimestampTz now = clock_now();
    const Books books = begin();
    Parameters parameters;
    parameters.set(1, uuid_datum(slot.job)).set(2, Int32GetDatum(slot.attempt));
    if (run_statement(s_one, parameters) > 0) {
        const Held *held = read_held(1);
        if (strcmp(held->worker, slot.worker_id) == 0) {
            if (slot.cancel_wanted && memcmp(&slot.cancel_job, &slot.job, sizeof(slot.job)) == 0)
                cancel_job(slot.job, slot.worker_id, slot.attempt, now);
            else if (slot.put_back)
                put_back_job(slot.job, slot.worker_id, slot.attempt, now);
            else
                lose(*held, kWorkerGone, now);
        }
    }
    end(books);
    free_slot(index);
}

void recover_all() {
    const TimestampTz now = clock_now();
    const Books books = begin();
    const uint64 rows = run_statement(s_ours, Parameters());
    const Held *held = read_held(rows);
    for (uint64 row = 0; row < rows; row++)
        if (!worker_lives(held[row].worker))
            lose(held[row], kServerCrashed, now);
    end(books);
}

void charge_crashed() {
    const TimestampTz now = clock_now();
    const CrashedJobs crashed = crashed_jobs();
    for (int i = 0; i < crashed.count; i++) {
        RunningJob &job = crashed.jobs[i];
        if (job.magic == 0 || job.database != MyDatabaseId)
            continue;
        const Books books = begin();
        Parameters parameters;
        parameters.set(1, uuid_datum(job.job)).set(2, Int32GetDatum(job.attempt)).set_time(3, now);
        run_statement(s_reclaim, parameters);
        end(books);
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
        const Books books = begin();
        rows = settle_all_expired(s_expired, Parameters(), mark.at, now);
        Parameters range;
        const bool any =
            run_statement(s_next_lease, range.set_time(1, mark.at).set_time(2, horizon)) > 0;
        next = any ? time_column(0, 1, horizon) : horizon;
        end(books);
        // Not before the commit: what the look showed is what this transaction has made of it.
        next = raise_due(database, &database->leases, mark, next);
    } while (rows == kMost);
    return next;
}

void recover_expired_external(TimestampTz now, bool admin, Datum roles) {
    Database *database = find_served(MyDatabaseId);
    const TimestampTz floor =
        database != nullptr ? mark_due(database, database->leases).at : DT_NOBEGIN;
    Parameters parameters;
    parameters.set(4, BoolGetDatum(admin)).set(5, roles);
    settle_all_expired(s_expired_external, parameters, Min(floor, own_next_lease()), now);
}

} // namespace ayb
