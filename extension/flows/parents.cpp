// parents(): what a job is handed on.
#include "base/arguments.hpp"
#include "base/rights.hpp"
#include "base/rows.hpp"
#include "pg/sql.hpp"

namespace ayb {

namespace {

// Of a job that has ended only what its history has kept is left, and what its parents' has.
Sql<core::Uuid> g_parents{R"sql(
    WITH parents AS (
        SELECT e.name, e.parent, e.type, NULL::text AS state
        FROM ayb_jobs.job_edges AS e WHERE e.child = $1 AND e.flow IS NULL
        UNION ALL
        SELECT NULL, q.id, q.type, q.state
        FROM ayb_jobs.job_edges AS e JOIN ayb_jobs.job_queue AS q ON q.flow = e.flow AND q.id <> e.child
        WHERE e.child = $1
        UNION ALL
        SELECT NULL, h.id, h.type, 'completed'
        FROM ayb_jobs.job_edges AS e JOIN ayb_jobs.job_history AS h ON h.flow = e.flow
        WHERE e.child = $1
        UNION ALL
        SELECT p ->> 'name', (p ->> 'id')::uuid, p ->> 'type', p ->> 'state'
        FROM ayb_jobs.job_history AS h CROSS JOIN jsonb_array_elements(h.parents) AS p
        WHERE h.id = $1
    )
    SELECT p.name, p.parent, p.type, coalesce(p.state, q.state, o.state, 'completed'),
        coalesce(o.result, h.result)
    FROM parents AS p
    LEFT JOIN LATERAL (
        SELECT w.state FROM ayb_jobs.job_queue AS w WHERE w.id = p.parent LIMIT 1) AS q ON true
    LEFT JOIN ayb_jobs.job_outcomes AS o ON o.job_id = p.parent
    LEFT JOIN LATERAL (
        SELECT j.result FROM ayb_jobs.job_history AS j WHERE j.id = p.parent LIMIT 1) AS h ON true
    ORDER BY p.parent
)sql"};

core::Uuid asked_job(FunctionCallInfo fcinfo) {
    if (!PG_ARGISNULL(0))
        return uuid_value(PG_GETARG_DATUM(0));
    return job_of_handler("parents() without a job", "Pass the id of a job.", "job_id");
}

} // namespace

} // namespace ayb

using namespace ayb;

// parents(job_id) → setof (name, job_id, type, state, result)
AYB_SQL_FUNCTION(ayb_jobs_parents) {
    constexpr int kColumns = 5;
    const core::Uuid id = asked_job(fcinfo);
    ReturnSetInfo *result = begin_set(fcinfo);
    const Oid me = GetUserId();
    const bool all = has_right(me, Right::read);
    in_books([&] {
        if (!find_job(id, me, all, Whose::enqueued, false).exists)
            no_such_job(id);
        const uint64 rows = g_parents.run(id);
        for (uint64 row = 0; row < rows; row++) {
            Datum values[kColumns] = {};
            bool nulls[kColumns];
            for (int i = 0; i < kColumns; i++) {
                nulls[i] = is_null(row, i + 1);
                read_column(row, i + 1, &values[i]);
            }
            tuplestore_putvalues(result->setResult, result->setDesc, values, nulls);
        }
    });
    PG_RETURN_NULL();
}
