// delete_job() and its forms for many: nothing that SQL can show has the payload afterwards, but
// for what they name.
#include "base/arguments.hpp"
#include "base/columns.hpp"
#include "hand/by_hand.hpp"
#include "hooks/changes.hpp"
#include "pg/arrays.hpp"
#include "pg/clock.hpp"
#include "pg/tuples.hpp"

namespace ayb {

namespace {

// By which what a job has left elsewhere is found, and by what it is counted.
#define AYB_TRACES                                                                                 \
    AYB_KEY_COLUMNS("q")                                                                           \
    ", q.type, q.flow, q.schedule_id, CASE WHEN q.schedule_id IS NOT NULL THEN q.payload END AS "  \
    "payload"
// Of completed jobs those that completed from `since` on: planned by its value, so that no day
// before is opened, or locked. A row for each type of a role, and one at least.
#define AYB_DELETE(which, completed, since)                                                        \
    "WITH wanted AS MATERIALIZED (SELECT q.id FROM ayb_jobs.job_queue AS q"                        \
    " WHERE q.state <> 'running' AND ($2 OR " AYB_OWN ")" which                                    \
    " FOR UPDATE SKIP LOCKED), waiting AS (DELETE FROM ayb_jobs.job_queue AS q USING wanted AS w"  \
    " WHERE q.id = w.id RETURNING false AS completed, " AYB_TRACES                                 \
    "), ended AS (DELETE FROM ayb_jobs.job_history AS q WHERE q.completed_at >= " since            \
    " AND ($2 OR " AYB_OWN ")" completed " RETURNING true AS completed, " AYB_TRACES               \
    "), gone AS (TABLE waiting UNION ALL TABLE ended), keys AS (" AYB_FREE_KEYS(                   \
        "gone") "), attempts AS (DELETE FROM ayb_jobs.job_attempts AS a"                           \
                " WHERE a.job_id = ANY (ARRAY(SELECT g.id FROM gone AS g)) RETURNING "             \
                "a.letter), " AYB_END_EDGES(                                                       \
                    "gone", "g.completed",                                                         \
                    "$1") ", noted AS (INSERT INTO ayb_jobs.job_actions"                           \
                          " (job_id, run_as, at, action, done_by, actor)"                          \
                          " SELECT g.id, g.run_as, $1, 'delete', $4::regrole, $5 FROM gone AS g)"  \
                          " SELECT g.run_as::oid, g.type, count(g.id), count(g.id) FILTER (WHERE"  \
                          " g.completed), (SELECT count(*) FROM ayb_jobs.job_queue AS q WHERE "    \
                          "($2 OR"                                                                 \
                          " " AYB_OWN ")" which "), (SELECT count(*) FROM waiting),"               \
                          " ARRAY(SELECT DISTINCT 'schedule ' || s.name FROM gone AS h"            \
                          " JOIN ayb_jobs.schedules AS s ON s.id = h.schedule_id AND s.payload = " \
                          "h.payload"                                                              \
                          " WHERE $2 OR s.run_as = ANY ($3) ORDER BY 1),"                          \
                          " ARRAY(SELECT t.letter FROM attempts AS t WHERE t.letter IS NOT NULL)"  \
                          " FROM (SELECT) AS one LEFT JOIN gone AS g ON true GROUP BY g.run_as, "  \
                          "g.type"

#define AYB_COMPLETED AYB_OF_SPAN " AND ($9 IS NULL OR $9 = 'completed')"

ChangeOf<UuidArray, At> g_delete_many{AYB_DELETE(AYB_OF_THESE, AYB_OF_THESE, "$7"),
                                      Plan::of_values};
ChangeOf<const char *, std::optional<At>, std::optional<At>, const char *, At> g_delete_matching{
    AYB_DELETE(AYB_MATCHING, AYB_COMPLETED, "$10"), Plan::of_values};

// Those of them that are still there hold a payload.
Sql<UuidArray, TextArray> g_letters_left{R"sql(
    SELECT $2 || ARRAY(SELECT 'job ' || q.id FROM ayb_jobs.job_queue AS q WHERE q.id = ANY ($1) ORDER BY 1)
)sql"};

// What became of it: how many were deleted, how many were left as they run or are locked, and the
// names of what still holds a payload, as text[], and the dead letters that do, as uuid[], in the
// books' memory.
struct Deletion {
    int64 deleted;
    int64 left;
    Datum holders;
    Datum letters;
};

// Inside the books, as `me`, of whom the roles are seen.
template <typename... Which>
Deletion delete_these(ChangeOf<Which...> *statement, const Caller &me, const Viewer &seen,
                      const Which &...which) {
    Deletion deletion{};
    const uint64 rows = statement->run(At{clock_now()}, seen.all, OidArray(seen.array), me.role,
                                       me.actor, which...);
    for (uint64 row = 0; row < rows; row++) {
        Oid role = InvalidOid;
        const char *type = nullptr;
        int64 gone = 0;
        int64 completed = 0;
        int64 there = 0;
        int64 taken = 0;
        read_row(row, &role, &type, &gone, &completed, &there, &taken, &deletion.holders,
                 &deletion.letters);
        deletion.deleted += gone;
        deletion.left = there - taken;
        if (completed > 0 && preloaded())
            note_deleted(role, type, completed);
    }
    return deletion;
}

// The same, with the dead letters of the jobs, which have their payload: these are of the same
// roles. One that runs is left, and named.
template <typename... Which>
Deletion delete_jobs(ChangeOf<Which...> *statement, const Caller &me, const Viewer &seen,
                     const Which &...which) {
    Deletion deletion = delete_these(statement, me, seen, which...);
    if (ARR_NDIM(DatumGetArrayTypeP(deletion.letters)) == 0)
        return deletion;
    const UuidArray letters(deletion.letters);
    delete_these(&g_delete_many, me, seen, letters, first_completion(first_made(deletion.letters)));
    g_letters_left.run(letters, TextArray(deletion.holders));
    read_row(0, &deletion.holders);
    return deletion;
}

Datum copy_array(Datum array, MemoryContext context) {
    MemoryContext before = MemoryContextSwitchTo(context);
    const Datum copy = datumCopy(array, false, -1);
    MemoryContextSwitchTo(before);
    return copy;
}

// The row (deleted, holders), after a word about what was left.
template <typename Delete> Datum answer(FunctionCallInfo fcinfo, const Caller &me, Delete remove) {
    const Deletion deletion = in_bounded_books([&] {
        Deletion done = remove();
        done.holders = copy_array(done.holders, me.context);
        return done;
    });
    if (deletion.left > 0)
        ereport(NOTICE,
                (errmsg(INT64_FORMAT " jobs run or are locked by other sessions, and left out",
                        deletion.left),
                 errhint("ayb_jobs.cancel(id, force => true) interrupts a running job;"
                         " then call it again.")));
    TupleDesc shape;
    get_call_result_type(fcinfo, nullptr, &shape);
    Datum values[] = {Int64GetDatum(deletion.deleted), deletion.holders};
    bool nulls[lengthof(values)] = {};
    return make_row(shape, values, nulls);
}

} // namespace

} // namespace ayb

using namespace ayb;

// delete_job(id) → text[]
AYB_SQL_FUNCTION(ayb_jobs_delete_job) {
    const core::Uuid id = id_argument(fcinfo, 0);
    const Caller me = caller(Whose::own, Right::admin);
    const Viewer seen = viewer(Right::admin);
    Datum one = uuid_datum(id);
    const Datum ids = PointerGetDatum(uuid_array(&one, 1));
    return in_bounded_books([&] {
        const Found job = find_held(id, me);
        if (job.state == State::running)
            refuse_state(id, job, "queued or ended",
                         "ayb_jobs.cancel(id, force => true) interrupts it; then delete it.");
        const Deletion done =
            delete_jobs(&g_delete_many, me, seen, UuidArray(ids), At{job.completed_at});
        if (done.deleted == 0) // somebody else was quicker
            no_such_job(id);
        return copy_array(done.holders, me.context);
    });
}

// delete_jobs(ids) → (deleted, holders)
AYB_SQL_FUNCTION(ayb_jobs_delete_jobs) {
    require_argument(fcinfo, 0, "ids");
    const Datum ids = PG_GETARG_DATUM(0);
    const At since = first_completion(first_made(ids));
    const Caller me = caller(Whose::own, Right::admin);
    const Viewer seen = viewer(Right::admin);
    return answer(fcinfo, me,
                  [&] { return delete_jobs(&g_delete_many, me, seen, UuidArray(ids), since); });
}

// delete_matching(type, since, until, phase) → (deleted, holders)
AYB_SQL_FUNCTION(ayb_jobs_delete_matching) {
    const Matching which = matching_arguments(fcinfo);
    if (which.type == nullptr && !which.since && !which.until && which.phase == nullptr)
        ereport(ERROR, (errcode(ERRCODE_NULL_VALUE_NOT_ALLOWED),
                        errmsg("type, since, until or phase must be given"),
                        err_generic_string(PG_DIAG_COLUMN_NAME, "type"),
                        errhint("since => '-infinity' deletes the jobs of all types.")));
    const At since = first_completion(which.since ? which.since->at : DT_NOBEGIN);
    const Caller me = caller(Whose::own, Right::admin);
    const Viewer seen = viewer(Right::admin);
    return answer(fcinfo, me, [&] {
        return delete_jobs(&g_delete_matching, me, seen, which.type, which.since, which.until,
                           which.phase, since);
    });
}
