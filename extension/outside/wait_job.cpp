// wait_for_job(): whoever has enqueued a job sleeps until it has ended. wait_for_ends(): one
// session does so for many, and for many jobs.
#include "base/arguments.hpp"
#include "base/rows.hpp"
#include "outside/waiting.hpp"
#include "pg/clock.hpp"
#include "pg/tuples.hpp"

namespace ayb {

namespace {

Sql<core::Uuid, At> g_outcome{R"sql(
    SELECT NULL::jsonb, q.last_error FROM ayb_jobs.job_queue AS q WHERE q.id = $1
    UNION ALL
    SELECT h.result, NULL FROM ayb_jobs.job_history AS h WHERE h.id = $1 AND h.completed_at >= $2
    LIMIT 1
)sql",
                              Plan::of_values};

// Those that a snapshot shows as waiting or running are there to end.
Sql<UuidArray> g_any_ended{R"sql(
    SELECT FROM unnest($1) AS i (id)
    WHERE NOT EXISTS (
        SELECT FROM ayb_jobs.job_queue AS q
        WHERE q.id = i.id AND q.state IN ('queued', 'running'))
)sql"};

struct EndWait {
    core::Uuid id;
    TimestampTz until;
    MemoryContext memory; // which outlives every transaction
    State state;
    NullableDatum outcome[2]; // once it has ended: its result, and its error
};

// One column of the outcome, unpacked. Inside the books.
NullableDatum read_outcome(int column, MemoryContext memory) {
    NullableDatum value{0, is_null(0, column)};
    if (value.isnull)
        return value;
    read_column(0, column, &value.value);
    MemoryContext before = MemoryContextSwitchTo(memory);
    value.value = PointerGetDatum(PG_DETOAST_DATUM_COPY(value.value));
    MemoryContextSwitchTo(before);
    return value;
}

// Whether it has ended. Raises P0002 where the caller can't see it, or nothing of it is kept.
bool has_ended(EndWait *wait) {
    PushActiveSnapshot(GetTransactionSnapshot());
    const Oid me = GetUserId();
    const bool all = has_right(me, Right::read);
    in_books([&] {
        const Found found = find_job(wait->id, me, all, Whose::enqueued, false);
        if (!found.exists)
            no_such_job(wait->id);
        wait->state = found.state;
        if (found.state > State::running && g_outcome.run(wait->id, At{found.completed_at}) > 0)
            for (const int column : {1, 2})
                wait->outcome[column - 1] = read_outcome(column, wait->memory);
    });
    PopActiveSnapshot();
    return wait->state > State::running;
}

void wait_for_end(EndWait *wait) {
    require_entered(enter_waiters(GetUserId(), wait->id));
    bool left = true;
    while (!has_ended(wait) && left) {
        begin_anew();
        left = sleep_until_stirred(wait->until, was_woken);
        wait_again();
    }
    leave_waiters(true);
}

struct EndsWait {
    Datum ids; // in memory that outlives every transaction
    TimestampTz until;
};

bool has_any_ended(const EndsWait &wait) {
    PushActiveSnapshot(GetTransactionSnapshot());
    const bool ended = in_books([&] { return g_any_ended.first(UuidArray(wait.ids)); });
    PopActiveSnapshot();
    return ended;
}

// The end of each job of the database wakes it: while there are many it looks now and then.
constexpr int64 kCalm = 20 * kMicrosecondsPerMillisecond;

void wait_for_any_end(EndsWait *wait) {
    require_entered(enter_waiters(GetUserId()));
    bool left = true;
    while (!has_any_ended(*wait) && left) {
        begin_anew();
        left = sleep_until_stirred(wait->until, was_woken);
        const TimestampTz calm = Min(later(GetCurrentTimestamp(), kCalm), wait->until);
        while (was_woken() && sleep_a_while(calm)) {
        }
        wait_again();
    }
    leave_waiters(true);
}

// state, result, error
Datum row_of(const EndWait &wait, TupleDesc shape) {
    Datum values[] = {CStringGetTextDatum(core::word_of(wait.state)), wait.outcome[0].value,
                      wait.outcome[1].value};
    bool nulls[] = {false, wait.outcome[0].isnull, wait.outcome[1].isnull};
    return make_row(shape, values, nulls);
}

} // namespace

} // namespace ayb

using namespace ayb;

// wait_for_job(id, timeout, INOUT state, INOUT result, INOUT error)
AYB_SQL_FUNCTION(ayb_jobs_wait_for_job) {
    require_waiting(fcinfo, "ayb_jobs.wait_for_job()");
    EndWait wait{id_argument(fcinfo, 0),
                 wait_until(fcinfo, 1),
                 CurrentMemoryContext,
                 State::queued,
                 {{0, true}, {0, true}}};
    in_waiting([](void *context) { wait_for_end(static_cast<EndWait *>(context)); }, &wait);
    TupleDesc shape;
    get_call_result_type(fcinfo, nullptr, &shape);
    PG_RETURN_DATUM(row_of(wait, shape));
}

// wait_for_ends(ids, timeout)
AYB_SQL_FUNCTION(ayb_jobs_wait_for_ends) {
    require_waiting(fcinfo, "ayb_jobs_internal.wait_for_ends()");
    require_argument(fcinfo, 0, "ids");
    EndsWait wait{PointerGetDatum(PG_GETARG_ARRAYTYPE_P_COPY(0)), wait_until(fcinfo, 1)};
    in_waiting([](void *context) { wait_for_any_end(static_cast<EndsWait *>(context)); }, &wait);
    PG_RETURN_VOID();
}
