// "with_dependents": the views that read this one, each by a job of its own.
//
// The first job of a run enqueues a flow of them once its own view is new. Each waits for all that
// it reads of the others, however indirectly: so independent views are refreshed side by side, and
// each once. A refresh that fails is the outcome of a job that completes, for whom the flow goes
// on: that job cancels what waits for it.
#include "base/arguments.hpp"
#include "base/rights.hpp"
#include "memory/my_slot.hpp"
#include "pg/clock.hpp"
#include "pg/sql.hpp"

namespace ayb {

namespace {

// What reads the view, as the role may refresh it: the steps of the flow, the names, and the flow's
// own. Two views may look alike but for their quotes.
Sql<core::Uuid, Oid, bool> g_dependents{R"sql(
    WITH dependents AS MATERIALIZED (
        SELECT o.*, CASE WHEN length(format('%I.%I', o.schema_name, o.view_name)) <= 100
                THEN format('%I.%I', o.schema_name, o.view_name) ELSE o.id::text END AS name
        FROM ayb_jobs_internal.refresh_order($2, $3) AS o
        WHERE $1 = ANY (o.reads)
    )
    SELECT jsonb_agg(
            jsonb_build_object('name', d.name, 'type', 'materialized_view_refresh',
                'payload', jsonb_build_object('schema_name', d.schema_name,
                    'view_name', d.view_name, 'with_dependents', true, 'run', true),
                'depends_on', ARRAY(SELECT o.name FROM dependents AS o WHERE o.id = ANY (d.reads)))
            ORDER BY d.place),
        jsonb_agg(
            d.schema_name || '.' || d.view_name
            ORDER BY d.schema_name COLLATE "C", d.view_name COLLATE "C"),
        (SELECT left('views that read ' || format('%I.%I', m.schema_name, m.view_name), 100)
         FROM ayb_jobs.matview_refreshes AS m WHERE m.id = $1)
    FROM dependents AS d
)sql"};
// As the current role, through the front door.
Sql<Json, const char *> g_enqueue{"SELECT ayb_jobs.enqueue_flow($1, $2)"};
// In one order, so that two jobs of a run that fail at once don't wait for each other.
Sql<core::Uuid, At> g_cancel{R"sql(
    WITH held AS MATERIALIZED (
        SELECT q.id FROM ayb_jobs.job_queue AS q
        WHERE q.id = ANY (ARRAY(SELECT e.child FROM ayb_jobs.job_edges AS e WHERE e.parent = $1))
            AND q.state = 'queued' AND q.waits_for = 'jobs' AND q.payload ->> 'run' = 'true'
        ORDER BY q.id
        FOR UPDATE OF q
    ), gone AS (
        UPDATE ayb_jobs.job_queue AS q
        SET state = 'canceled', canceled_at = $2, updated_at = $2,
            last_error = 'a view that it reads was not refreshed, by job ' || $1
        FROM held AS h WHERE q.id = h.id
        RETURNING (q.payload ->> 'schema_name') || '.' || (q.payload ->> 'view_name') AS name
    )
    SELECT jsonb_agg(g.name ORDER BY g.name COLLATE "C") FROM gone AS g
)sql"};

struct Dependents {
    Datum steps; // 0 for none
    Datum names;
    const char *flow;
};

// 0 stays 0.
Datum copy_json(Datum value, MemoryContext context) {
    if (value == 0)
        return 0;
    MemoryContext before = MemoryContextSwitchTo(context);
    const Datum copy = PointerGetDatum(DatumGetJsonbPCopy(value));
    MemoryContextSwitchTo(before);
    return copy;
}

Dependents find_dependents(const core::Uuid &matview) {
    MemoryContext context = CurrentMemoryContext;
    const Oid role = GetUserId();
    const bool all = has_right(role, Right::operate);
    return in_books([&] {
        g_dependents.run(matview, role, all);
        Dependents found{};
        read_row(0, &found.steps, &found.names, &found.flow);
        if (found.flow != nullptr)
            found.flow = MemoryContextStrdup(context, found.flow);
        return Dependents{copy_json(found.steps, context), copy_json(found.names, context),
                          found.flow};
    });
}

// What waits for the job that runs here; gives back the names.
Datum cancel_dependents() {
    const core::Uuid *running = my_job();
    if (running == nullptr)
        return 0;
    MemoryContext context = CurrentMemoryContext;
    return in_bounded_books([&] {
        Datum names = 0;
        g_cancel.run(*running, At{clock_now()});
        read_row(0, &names);
        return copy_json(names, context);
    });
}

Datum tell(const char *what, Datum names) {
    const char *list = names == 0 ? "[]"
                                  : JsonbToCString(nullptr, &DatumGetJsonbP(names)->root,
                                                   VARSIZE(DatumGetPointer(names)));
    return DirectFunctionCall1(jsonb_in, CStringGetDatum(psprintf("{\"%s\": %s}", what, list)));
}

} // namespace

} // namespace ayb

using namespace ayb;

// refresh_dependents(id, failed, later) → jsonb
AYB_SQL_FUNCTION(ayb_jobs_refresh_dependents) {
    const core::Uuid matview = id_argument(fcinfo, 0);
    const bool failed = !PG_ARGISNULL(1) && PG_GETARG_BOOL(1);
    const bool later = !PG_ARGISNULL(2) && PG_GETARG_BOOL(2);
    if (later)
        PG_RETURN_DATUM(
            tell(failed ? "skipped_dependents" : "dependents", failed ? cancel_dependents() : 0));
    const Dependents found = find_dependents(matview);
    if (found.steps != 0 && !failed)
        as_caller([&found] { g_enqueue.run(Json(found.steps), found.flow); });
    PG_RETURN_DATUM(tell(failed ? "skipped_dependents" : "dependents", found.names));
}
