#include "schedule/tick.hpp"

#include "base/arguments.hpp"
#include "core/ticks.hpp"
#include "memory/due_floor.hpp"
#include "pg/arrays.hpp"
#include "pg/clock.hpp"
#include "pg/roles.hpp"
#include "schedule/arguments.hpp"
#include "schedule/jobs.hpp"
#include "schedule/rule.hpp"

#include <new>

namespace ayb {

namespace {

constexpr int kBatch = 1000;      // schedules a transaction
constexpr int kBatchJobs = 10000; // jobs a transaction, shared fairly by those that missed many
constexpr int64 kLockedRetry = 100 * kMicrosecondsPerMillisecond; // somebody has a due one locked

Sql<At, At, int> g_due{R"sql(
    SELECT s.id, s.job_type, s.cron_expr, s.timezone, s.overlap, s.missed, s.run_as::oid,
        s.max_attempts, s.next_run_at, (
            SELECT q.id
            FROM ayb_jobs.job_queue AS q
            WHERE q.schedule_id = s.id AND q.state IN ('queued', 'running')
            LIMIT 1
        ) IS NOT NULL
    FROM ayb_jobs.schedules AS s
    WHERE s.enabled AND s.next_run_at >= $1 AND s.next_run_at <= $2
    ORDER BY s.next_run_at
    LIMIT $3
    FOR UPDATE OF s SKIP LOCKED
)sql"};
Sql<At> g_next{R"sql(
    SELECT s.next_run_at
    FROM ayb_jobs.schedules AS s
    WHERE s.enabled AND s.next_run_at >= $1
    ORDER BY s.next_run_at
    LIMIT 1
)sql"};
Sql<UuidArray, TimeArray, TimeArray, TimeArray, TextArray, TextArray, UuidArray, UuidArray> g_move{
    R"sql(
    UPDATE ayb_jobs.schedules AS s
    SET next_run_at = u.next, last_run_at = coalesce(u.ran, s.last_run_at), last_error = u.error,
        last_skip = CASE WHEN u.skip_at IS NULL THEN s.last_skip
            ELSE jsonb_build_object('at', u.skip_at, 'reason', u.reason) END,
        last_jobs = CASE WHEN j.ids IS NULL THEN s.last_jobs ELSE (j.ids || s.last_jobs)[:8] END
    FROM unnest($1, $2, $3, $4, $5, $6) AS u (id, next, ran, skip_at, reason, error)
        LEFT JOIN (
            SELECT n.schedule, array_agg(n.id ORDER BY n.id DESC) AS ids
            FROM unnest($7, $8) AS n (schedule, id)
            GROUP BY n.schedule
        ) AS j ON j.schedule = u.id
    WHERE s.id = u.id
)sql"};

struct Due {
    core::Uuid id;
    Order order;
    const char *cron;
    const char *zone;
    Overlap overlap;
    core::Missed missed;
    Oid owner;
    TimestampTz at;
    bool busy; // a job of it is queued or running
};

// What becomes of one schedule; DT_NOEND and null stand for NULL.
struct Outcome {
    TimestampTz next = DT_NOEND;
    TimestampTz ran = DT_NOEND;
    TimestampTz skip_at = DT_NOEND;
    const char *reason = nullptr;
    const char *error = nullptr;
};

Due read_due(uint64 row, TimestampTz now, MemoryContext context) {
    Due due{};
    due.at = due.order.now = now;
    read_row(row, &due.id, &due.order.type, &due.cron, &due.zone, &due.overlap, &due.missed,
             &due.owner, &due.order.max_attempts, &due.at, &due.busy);
    due.order.run_as = due.owner;
    for (const char **text : {&due.order.type, &due.cron, &due.zone})
        *text = MemoryContextStrdup(context, *text);
    return due;
}

Due *read_all_due(TimestampTz floor, TimestampTz now, uint64 *count) {
    MemoryContext context = CurrentMemoryContext;
    return in_books([=] {
        *count = g_due.run(At{floor}, At{now}, kBatch);
        auto *due = static_cast<Due *>(MemoryContextAllocZero(context, (*count + 1) * sizeof(Due)));
        for (uint64 row = 0; row < *count; row++)
            due[row] = read_due(row, now, context);
        return due;
    });
}

// Why no job of the schedule can be enqueued, or null. In a subtransaction that writes nothing, so
// that it costs next to nothing: what is wrong with one schedule must not take the others with it.
const char *check_order(Order *order, Oid owner) {
    MemoryContext context = CurrentMemoryContext;
    ResourceOwner resources = CurrentResourceOwner;
    const char *volatile why = nullptr;
    BeginInternalSubTransaction(nullptr);
    MemoryContextSwitchTo(context);
    PG_TRY();
    {
        apply_handler(order, owner);
        ReleaseCurrentSubTransaction();
    }
    PG_CATCH();
    {
        MemoryContextSwitchTo(context);
        ErrorData *error = CopyErrorData();
        FlushErrorState();
        RollbackAndReleaseCurrentSubTransaction();
        why = error->detail == nullptr ? error->message
                                       : psprintf("%s: %s", error->message, error->detail);
    }
    PG_END_TRY();
    MemoryContextSwitchTo(context);
    CurrentResourceOwner = resources;
    return why;
}

// Why the schedule has no next tick any more, or null with its rule and zone.
const char *cannot_compute(const Due &due, core::CronRule *rule, pg_tz **zone) {
    CoreFailure failure;
    if (!role_exists(due.owner)) {
        pg_atomic_write_u32(&find_database(MyDatabaseId)->gone, 1); // made while it was dropped
        return psprintf("its role (%u) does not exist any more", due.owner);
    }
    if (!parse_rule(due.cron, rule, &failure))
        return psprintf("%s: %s", failure.message, failure.detail);
    *zone = find_zone(due.zone);
    return *zone == nullptr ? psprintf("invalid timezone \"%s\"", due.zone) : nullptr;
}

void skip(Outcome *outcome, int64 tick, const char *reason) {
    outcome->skip_at = from_unix_seconds(tick);
    outcome->reason = reason;
}

// The ticks of a schedule that was free when they came due are all run; missed => 'all' asks for
// each that is late even where one is still at work.
void enqueue_ticks(const Due &due, const core::TickPlan &plan, TickJobs *jobs, Outcome *outcome) {
    const bool overlaps = due.busy && due.overlap == Overlap::skip;
    const int64 on_time = unix_seconds(due.order.now) - core::kOnTime;
    for (int i = 0; i < plan.count; i++) {
        const int64 tick = plan.ticks[i];
        if (overlaps && (due.missed != core::Missed::all || tick > on_time)) {
            skip(outcome, tick, "a job of this schedule was still queued or running");
            continue;
        }
        add_job(jobs, due.id, due.order, from_unix_seconds(tick));
        outcome->ran = due.order.now;
    }
}

Outcome settle(Due *due, core::TickPlan *plan, TickJobs *jobs) {
    Outcome outcome;
    core::CronRule rule{};
    pg_tz *zone = nullptr;
    outcome.error = cannot_compute(*due, &rule, &zone);
    if (outcome.error != nullptr)
        return outcome;
    core::plan_ticks(rule, PgZone(zone), unix_seconds(due->at), unix_seconds(due->order.now),
                     due->missed, plan);
    if (plan->next)
        outcome.next = from_unix_seconds(*plan->next);
    else
        outcome.error = "it has no further run";
    if (plan->last_skipped)
        skip(&outcome, *plan->last_skipped, "it was more than a minute late");
    const char *why = plan->count > 0 ? check_order(&due->order, due->owner) : nullptr;
    if (why != nullptr) {
        skip(&outcome, plan->ticks[plan->count - 1], why);
        outcome.error = why;
    } else {
        enqueue_ticks(*due, *plan, jobs, &outcome);
    }
    return outcome;
}

// The outcomes, as the columns of g_move.
struct Moves {
    ArrayBuildState *ids = new_column(UUIDOID);
    ArrayBuildState *times[3];
    ArrayBuildState *texts[2];

    Moves() {
        for (ArrayBuildState *&array : times)
            array = new_column(TIMESTAMPTZOID);
        for (ArrayBuildState *&array : texts)
            array = new_column(TEXTOID);
    }
    void add(const core::Uuid &id, const Outcome &outcome) {
        add_value(ids, uuid_datum(id));
        add_time(times[0], outcome.next);
        add_time(times[1], outcome.ran);
        add_time(times[2], outcome.skip_at);
        add_text(texts[0], outcome.reason);
        add_text(texts[1], outcome.error);
    }
};

void write_moves(const Moves &moves, const TickJobs &jobs) {
    g_move.run(UuidArray(whole_column(moves.ids)), TimeArray(whole_column(moves.times[0])),
               TimeArray(whole_column(moves.times[1])), TimeArray(whole_column(moves.times[2])),
               TextArray(whole_column(moves.texts[0])), TextArray(whole_column(moves.texts[1])),
               UuidArray(whole_column(jobs.schedules)), UuidArray(whole_column(jobs.ids)));
}

// How many ticks the next of so many schedules may enqueue. Each may have one, so that nobody waits
// behind those that have a night to make up for.
int room_for(int jobs, uint64 schedules) {
    const int share = Max(kBatchJobs - jobs, 0) / static_cast<int>(schedules);
    return Min(Max(share, 1), core::kMostTicks);
}

// One batch; what it leaves is still due. Returns how many schedules were due, or -1 while all is
// paused.
int64 settle_batch(TimestampTz floor, TimestampTz now) {
    if (all_paused())
        return -1;
    uint64 count = 0;
    Due *due = read_all_due(floor, now, &count);
    auto *plan = new (palloc(sizeof(core::TickPlan))) core::TickPlan;
    TickJobs jobs = no_jobs();
    Moves moves;
    for (uint64 i = 0; i < count; i++) {
        plan->room = room_for(jobs.ids->nelems, count - i);
        moves.add(due[i].id, settle(&due[i], plan, &jobs));
    }
    if (count > 0)
        in_books([&] {
            insert_jobs(jobs, now);
            write_moves(moves, jobs);
        });
    return static_cast<int64>(count);
}

// The first tick from the floor on, locked or not.
TimestampTz raise_ticks(Database *database) {
    const TimeMark mark = mark_due(database, database->ticks);
    const TimestampTz next = in_own_books([&mark] {
        TimestampTz first = DT_NOEND;
        if (g_next.run(At{mark.at}) > 0)
            read_row(0, &first);
        return first;
    });
    return raise_due(database, &database->ticks, mark, next);
}

} // namespace

TimestampTz run_ticks(Database *database, TimestampTz now) {
    const TimestampTz floor = mark_due(database, database->ticks).at;
    const int64 settled = in_transaction([=] { return settle_batch(floor, now); });
    if (settled < 0)
        return DT_NOEND; // resume() wakes the scheduler
    const TimestampTz next = raise_ticks(database);
    return settled == 0 && next <= now ? later(now, kLockedRetry) : next;
}

} // namespace ayb
