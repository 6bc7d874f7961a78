#include "lease/claim.hpp"

#include "handlers/handlers.hpp"
#include "jobs/floor.hpp"
#include "jobs/history.hpp"
#include "memory/databases.hpp"
#include "memory/my_slot.hpp"
#include "memory/signals.hpp"
#include "memory/type_stats.hpp"
#include "pg/clock.hpp"
#include "pg/roles.hpp"
#include "pg/sql.hpp"

namespace ayb {

namespace {

// A type that usually runs longer than this is slow, and so is a job that has.
constexpr int64 kSlow = kMicrosecondsPerSecond;
constexpr int kMaxSlowTypes = 64;

// The next job of a lane; the floor last, from which on the lane is read.
Sql<Oid, At, TextArray, const char *, At, At, core::Uuid> g_claim{R"sql(
    WITH next AS MATERIALIZED (
        SELECT q.id
        FROM ayb_jobs.job_queue AS q
        WHERE q.run_as = $1 AND q.state = 'queued' AND q.waits_for IS NULL
            AND (q.run_at, q.id) >= ($6, $7) AND q.run_at <= $2 AND q.type <> ALL ($3)
        ORDER BY q.run_at, q.id
        LIMIT 1
        FOR UPDATE SKIP LOCKED
    )
    UPDATE ayb_jobs.job_queue AS q
    SET state = 'running', attempts = q.attempts + 1, runs = q.runs + 1, worker_id = $4,
        lease_until = $5, last_run_at = $2, updated_at = $2
    FROM next
    WHERE q.id = next.id
    RETURNING q.id, q.type, q.payload, q.attempts, q.max_attempts, q.runs, q.run_at
)sql"};
Sql<Oid, At, TextArray, const char *, At, core::Uuid> g_claim_one{R"sql(
    WITH next AS MATERIALIZED (
        SELECT q.id
        FROM ayb_jobs.job_queue AS q
        WHERE q.id = $6 AND q.run_as = $1 AND q.state = 'queued' AND q.waits_for IS NULL
            AND q.run_at <= $2 AND q.type <> ALL ($3)
        FOR UPDATE SKIP LOCKED
    )
    UPDATE ayb_jobs.job_queue AS q
    SET state = 'running', attempts = q.attempts + 1, runs = q.runs + 1, worker_id = $4,
        lease_until = $5, last_run_at = $2, updated_at = $2
    FROM next
    WHERE q.id = next.id
    RETURNING q.id, q.type, q.payload, q.attempts, q.max_attempts, q.runs, q.run_at
)sql"};
Sql<Oid, TextArray, At, core::Uuid> g_next_due{R"sql(
    SELECT q.run_at
    FROM ayb_jobs.job_queue AS q
    WHERE q.run_as = $1 AND q.state = 'queued' AND q.waits_for IS NULL
        AND (q.run_at, q.id) >= ($3, $4) AND q.type <> ALL ($2)
    ORDER BY q.run_at, q.id
    LIMIT 1
)sql"};

// Jobs that run long keep at most half of the workers while quick ones are due.
bool slow_jobs_have_their_share() {
    const TimestampTz now = clock_now();
    int slow = 0;
    each_slot([&](const WorkerSlot &slot) {
        if (slot.serves(MyDatabaseId) && slot.has_job && now - slot.job_since > kSlow)
            slow++;
    });
    return slow > 0 && slow >= settings::worker_concurrency / 2;
}

struct SlowTypes {
    const char *types[kMaxSlowTypes];
    int count;
    Oid role;
};

void collect_slow(const Handler &handler, void *context) {
    auto *slow = static_cast<SlowTypes *>(context);
    if (slow->count < kMaxSlowTypes &&
        run_average(MyDatabaseId, slow->role, handler.type) > static_cast<double>(kSlow))
        slow->types[slow->count++] = pstrdup(handler.type);
}

void take_row(Oid role, MemoryContext context, TimestampTz now, Job *job) {
    Datum payload = 0;
    read_row(0, &job->id, &job->type, &payload, &job->attempt, &job->max_attempts, &job->run,
             &job->run_at);
    MemoryContext before = MemoryContextSwitchTo(context);
    job->payload = PointerGetDatum(PG_DETOAST_DATUM_COPY(payload));
    MemoryContextSwitchTo(before);
    job->run_as = role;
    job->started_at = now;
}

// The next job, or, where `id` isn't null, this one.
bool claim_without(Oid role, const SlowTypes &left_out, const core::Uuid *id, MemoryContext context,
                   Job *job) {
    const TimestampTz now = clock_now();
    const At lease{later(now, settings::lease_duration * kMicrosecondsPerSecond)};
    char worker[kWorkerIdBytes];
    session_name(worker);
    const TextArray types(types_to_leave_out(left_out.types, left_out.count));
    return in_books([&] {
        const Position from = lane_floor_for_one(role);
        const uint64 rows =
            id != nullptr
                ? g_claim_one.run(role, At{now}, types, worker, lease, *id)
                : g_claim.run(role, At{now}, types, worker, lease, At{from.run_at}, from.id);
        if (rows > 0)
            take_row(role, context, now, job);
        return rows > 0;
    });
}

// The role may have been dropped, or lost LOGIN or CONNECT, since this session began: a session of
// its own would go on, but no new one could start. The worker leaves; the scheduler, which can't
// replace it, says why if there is anything to do.
bool may_go_on(Oid role) {
    if (why_no_login(role) == nullptr)
        return true;
    ask_to_leave(*my_slot());
    return false;
}

bool claim_any(Oid role, MemoryContext context, Job *job) {
    SlowTypes slow{};
    slow.role = role;
    if (slow_jobs_have_their_share())
        each_handler(collect_slow, &slow);
    if (claim_without(role, slow, nullptr, context, job))
        return true;
    if (slow.count == 0)
        return false;
    slow.count = 0;
    return claim_without(role, slow, nullptr, context, job);
}

bool claim_in_transaction(Oid role, const core::Uuid *id, MemoryContext context, Job *job) {
    return in_transaction([=] {
        const bool found =
            may_claim(role) && (id != nullptr ? claim_without(role, SlowTypes{}, id, context, job)
                                              : claim_any(role, context, job));
        if (found && job->attempt > 1)
            ForceSyncCommit();
        return found;
    });
}

// Inside the books.
TimestampTz first_due(Oid role, const TextArray &left_out, TimestampTz after) {
    const Position floor = lane_floor(role, true);
    const Position later_on{after + 1, {}};
    const Position &from = floor < later_on ? later_on : floor;
    TimestampTz due = DT_NOEND;
    if (g_next_due.run(role, left_out, At{from.run_at}, from.id) > 0)
        read_row(0, &due);
    return due;
}

} // namespace

bool should_leave() { return stop_requested() || my_slot()->leave; }

bool draining() {
    Database *database = find_database(MyDatabaseId);
    return database == nullptr || pg_atomic_read_u32(&database->draining) != 0;
}

bool may_claim(Oid role) { return !all_paused() && !draining() && may_go_on(role); }

bool claim_next(Oid role, MemoryContext context, Job *job) {
    return claim_in_transaction(role, nullptr, context, job);
}

bool claim_job(Oid role, const core::Uuid &id, MemoryContext context, Job *job) {
    return claim_in_transaction(role, &id, context, job);
}

TimestampTz next_due(Oid role, TimestampTz after) {
    return in_transaction([=] {
        if (all_paused() || draining())
            return DT_NOEND;
        const TextArray types(types_to_leave_out(nullptr, 0));
        return in_books([&] { return first_due(role, types, after); });
    });
}

} // namespace ayb
