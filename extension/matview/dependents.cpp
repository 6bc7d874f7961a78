// "with_dependents": the views that read this one, each by a job of its own.
//
// The first job of a run writes down which view waits for which others. A job that is done takes
// its view out of those lists, and enqueues what waits for nothing any more: so independent views
// are refreshed side by side, and each once. The lists name everything that a view reads, however
// indirectly: so a failure strikes out all that depends on it at once.
#include "base/arguments.hpp"
#include "base/rights.hpp"
#include "pg/clock.hpp"
#include "pg/sql.hpp"

namespace ayb {

namespace {

// Runs that a lost job left behind; nothing else would end them.
Sql<At> g_purge{R"sql(
    DELETE FROM ayb_jobs.matview_waits WHERE created_at < $1 - interval '1 day'
)sql"};

// The run, the view whose turn it is, and the role; then what a statement needs beside.
template <typename... More> using OfTurn = Sql<core::Uuid, core::Uuid, Oid, More...>;

OfTurn<bool, At> g_begin{R"sql(
    WITH ordered AS MATERIALIZED (
        SELECT o.id, o.reads FROM ayb_jobs_internal.refresh_order($3, $4) AS o
    )
    INSERT INTO ayb_jobs.matview_waits (run, matview_id, waits_for, run_as, created_at)
    SELECT $1, o.id, ARRAY(
            SELECT r
            FROM unnest(o.reads) AS r
            WHERE r = $2 OR r IN (SELECT e.id FROM ordered AS e WHERE $2 = ANY (e.reads))
        ), $3, $5
    FROM ordered AS o
    WHERE $2 = ANY (o.reads)
)sql"};
// In one order, so that two jobs of a run that end at once don't wait for each other.
OfTurn<> g_lock{R"sql(
    SELECT FROM ayb_jobs.matview_waits AS w
    WHERE w.run = $1 AND w.run_as = $3 AND $2 = ANY (w.waits_for)
    ORDER BY w.matview_id
    FOR UPDATE
)sql"};
OfTurn<> g_done{R"sql(
    UPDATE ayb_jobs.matview_waits AS w SET waits_for = array_remove(w.waits_for, $2)
    WHERE w.run = $1 AND w.run_as = $3 AND $2 = ANY (w.waits_for)
)sql"};
// What may go on (or, after a failure, can't) leaves the list.
OfTurn<bool> g_take{R"sql(
    WITH gone AS (
        DELETE FROM ayb_jobs.matview_waits AS w
        WHERE w.run = $1 AND w.run_as = $3
            AND (w.waits_for = '{}' OR $4 AND $2 = ANY (w.waits_for))
        RETURNING w.matview_id
    )
    SELECT jsonb_agg(
            jsonb_build_object('schema_name', m.schema_name, 'view_name', m.view_name,
                'with_dependents', true, 'run', $1)
            ORDER BY m.schema_name COLLATE "C", m.view_name COLLATE "C"),
        jsonb_agg(
            m.schema_name || '.' || m.view_name
            ORDER BY m.schema_name COLLATE "C", m.view_name COLLATE "C")
    FROM gone AS g JOIN ayb_jobs.matview_refreshes AS m ON m.id = g.matview_id
)sql"};
// As the current role, through the front door.
Sql<Json> g_enqueue{R"sql(
    SELECT ayb_jobs.enqueue('materialized_view_refresh', p)
    FROM pg_catalog.jsonb_array_elements($1) AS p
)sql"};

struct Turn {
    core::Uuid run;
    core::Uuid matview;
    Oid role;
    bool all; // whether it may refresh everybody's
    bool failed;
};

void begin_run(const Turn &turn) {
    const At now{clock_now()};
    g_purge.run(now);
    g_begin.run(turn.run, turn.matview, turn.role, turn.all, now);
}

// 0 stays 0.
Datum copy_json(Datum value, MemoryContext context) {
    if (value == 0)
        return 0;
    MemoryContext before = MemoryContextSwitchTo(context);
    const Datum copy = PointerGetDatum(DatumGetJsonbPCopy(value));
    MemoryContextSwitchTo(before);
    return copy;
}

// What comes next: the payloads of its jobs, and the names; 0 for none.
struct Next {
    Datum payloads;
    Datum names;
};

Next settle(const Turn &turn, bool first) {
    MemoryContext context = CurrentMemoryContext;
    return in_books([&] {
        if (first)
            begin_run(turn);
        g_lock.run(turn.run, turn.matview, turn.role);
        if (!turn.failed)
            g_done.run(turn.run, turn.matview, turn.role);
        g_take.run(turn.run, turn.matview, turn.role, turn.failed);
        Next next{};
        read_row(0, &next.payloads, &next.names);
        return Next{copy_json(next.payloads, context), copy_json(next.names, context)};
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

// refresh_dependents(id, failed, run) → jsonb
AYB_SQL_FUNCTION(ayb_jobs_refresh_dependents) {
    Turn turn{};
    turn.matview = id_argument(fcinfo, 0);
    turn.failed = !PG_ARGISNULL(1) && PG_GETARG_BOOL(1);
    turn.role = GetUserId();
    turn.all = has_right(turn.role, Right::operate);
    const bool first = PG_ARGISNULL(2);
    turn.run = first ? new_job_id(clock_now()) : uuid_value(PG_GETARG_DATUM(2));
    const Next next = settle(turn, first);
    if (next.payloads != 0 && !turn.failed)
        as_caller([&next] { g_enqueue.run(Json(next.payloads)); });
    PG_RETURN_DATUM(tell(turn.failed ? "skipped_dependents" : "dependents", next.names));
}
