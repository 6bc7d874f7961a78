// "with_dependents": the views that read this one, each by a job of its own.
//
// The first job of a run writes down which view waits for which others. A job that is done takes
// its view out of those lists, and enqueues what waits for nothing any more: so independent views
// are refreshed side by side, and each once. The lists name everything that a view reads, however
// indirectly: so a failure strikes out all that depends on it at once.
#include "base/arguments.hpp"
#include "pg/books.hpp"
#include "pg/clock.hpp"
#include "pg/roles.hpp"

namespace ayb {

namespace {

// Runs that a lost job left behind; nothing else would end them.
Statement s_purge{"DELETE FROM ayb_jobs.matview_waits WHERE created_at < $1 - interval '1 day'",
                  1,
                  {TIMESTAMPTZOID},
                  nullptr};
Statement s_begin{
    "WITH ordered AS MATERIALIZED (SELECT o.id, o.reads FROM ayb_jobs._refresh_order($3, $4) AS o)"
    " INSERT INTO ayb_jobs.matview_waits (run, matview_id, waits_for, run_as, created_at)"
    " SELECT $1, o.id, ARRAY(SELECT r FROM unnest(o.reads) AS r WHERE r = $2 OR r IN"
    " (SELECT e.id FROM ordered AS e WHERE $2 = ANY (e.reads))), $3, $5"
    " FROM ordered AS o WHERE $2 = ANY (o.reads)",
    5,
    {UUIDOID, UUIDOID, OIDOID, BOOLOID, TIMESTAMPTZOID},
    nullptr};
// In one order, so that two jobs of a run that end at once don't wait for each other.
Statement s_lock{"SELECT FROM ayb_jobs.matview_waits AS w WHERE w.run = $1 AND w.run_as = $3"
                 " AND $2 = ANY (w.waits_for) ORDER BY w.matview_id FOR UPDATE",
                 3,
                 {UUIDOID, UUIDOID, OIDOID},
                 nullptr};
Statement s_done{"UPDATE ayb_jobs.matview_waits AS w SET waits_for = array_remove(w.waits_for, $2)"
                 " WHERE w.run = $1 AND w.run_as = $3 AND $2 = ANY (w.waits_for)",
                 3,
                 {UUIDOID, UUIDOID, OIDOID},
                 nullptr};
// What may go on (or, after a failure, can't) leaves the list.
Statement s_take{
    "WITH gone AS (DELETE FROM ayb_jobs.matview_waits AS w WHERE w.run = $1 AND w.run_as = $3"
    " AND (w.waits_for = '{}' OR $4 AND $2 = ANY (w.waits_for)) RETURNING w.matview_id)"
    " SELECT jsonb_agg(jsonb_build_object('schema_name', m.schema_name, 'view_name', m.view_name,"
    " 'with_dependents', true, 'run', $1) ORDER BY m.schema_name COLLATE \"C\","
    " m.view_name COLLATE \"C\"), jsonb_agg(m.schema_name || '.' || m.view_name"
    " ORDER BY m.schema_name COLLATE \"C\", m.view_name COLLATE \"C\")"
    " FROM gone AS g JOIN ayb_jobs.matview_refreshes AS m ON m.id = g.matview_id",
    4,
    {UUIDOID, UUIDOID, OIDOID, BOOLOID},
    nullptr};

struct Turn {
    core::Uuid run;
    core::Uuid matview;
    Oid role;
    bool admin;
    bool failed;
};

Parameters keys(const Turn &turn) {
    Parameters parameters;
    parameters.set(1, uuid_datum(turn.run)).set(2, uuid_datum(turn.matview));
    parameters.set(3, ObjectIdGetDatum(turn.role));
    return parameters;
}

void begin_run(const Turn &turn) {
    const TimestampTz now = clock_now();
    Parameters purge;
    run_statement(s_purge, purge.set_time(1, now));
    Parameters parameters = keys(turn);
    run_statement(s_begin, parameters.set(4, BoolGetDatum(turn.admin)).set_time(5, now));
}

Datum copy_json(int number, MemoryContext context) {
    bool null;
    const Datum value = column(0, number, &null);
    if (null)
        return 0;
    MemoryContext before = MemoryContextSwitchTo(context);
    const Datum copy = PointerGetDatum(DatumGetJsonbPCopy(value));
    MemoryContextSwitchTo(before);
    return copy;
}

// The payloads of what comes next, and the names: 0 for none.
Datum settle(const Turn &turn, bool first, Datum *names) {
    MemoryContext context = CurrentMemoryContext;
    const Books books = open_books();
    if (first)
        begin_run(turn);
    run_statement(s_lock, keys(turn));
    if (!turn.failed)
        run_statement(s_done, keys(turn));
    Parameters parameters = keys(turn);
    run_statement(s_take, parameters.set(4, BoolGetDatum(turn.failed)));
    const Datum payloads = copy_json(1, context);
    *names = copy_json(2, context);
    close_books(books);
    return payloads;
}

// As the current role, through the front door.
void enqueue_all(Datum payloads) {
    Oid types[] = {JSONBOID};
    if (SPI_connect() != SPI_OK_CONNECT)
        elog(ERROR, "could not connect to SPI");
    const int result =
        SPI_execute_with_args("SELECT ayb_jobs.enqueue('materialized_view_refresh', p)"
                              " FROM pg_catalog.jsonb_array_elements($1) AS p",
                              1, types, &payloads, nullptr, false, 0);
    if (result < 0)
        elog(ERROR, "could not enqueue: %s", SPI_result_code_string(result));
    SPI_finish();
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

// _refresh_dependents(id, failed, run) → jsonb
AYB_SQL_FUNCTION(ayb_jobs_refresh_dependents) {
    Turn turn{};
    turn.matview = id_argument(fcinfo, 0);
    turn.failed = !PG_ARGISNULL(1) && PG_GETARG_BOOL(1);
    turn.role = GetUserId();
    turn.admin = is_admin(turn.role);
    const bool first = PG_ARGISNULL(2);
    turn.run = first ? new_job_id(clock_now()) : uuid_value(PG_GETARG_DATUM(2));
    Datum names;
    const Datum payloads = settle(turn, first, &names);
    if (payloads != 0 && !turn.failed)
        enqueue_all(payloads);
    PG_RETURN_DATUM(tell(turn.failed ? "skipped_dependents" : "dependents", names));
}
