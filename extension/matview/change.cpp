// register_matview(), update_matview(), unregister_matview(), matview_by_name().
#include "base/arguments.hpp"
#include "matview/arguments.hpp"
#include "matview/register.hpp"
#include "matview/rows.hpp"
#include "matview/triggers.hpp"
#include "pg/clock.hpp"

namespace ayb {

namespace {

// updated_at says when somebody changed something: not when a call found all as it was.
Statement s_update{
    "UPDATE ayb_jobs.matview_refreshes AS m SET refresh_mode = n.mode,"
    " skip_unchanged = n.skip, lock_timeout = n.lock, statement_timeout = n.statement,"
    " sources_seen = NULL, updated_at = $6"
    " FROM (SELECT coalesce($2, o.refresh_mode) AS mode, coalesce($3, o.skip_unchanged) AS skip,"
    " nullif(coalesce($4 * interval '1 ms', o.lock_timeout), '0') AS lock,"
    " nullif(coalesce($5 * interval '1 ms', o.statement_timeout), '0') AS statement"
    " FROM ayb_jobs.matview_refreshes AS o WHERE o.id = $1) AS n"
    " WHERE m.id = $1 AND (m.refresh_mode, m.skip_unchanged, m.lock_timeout, m.statement_timeout)"
    " IS DISTINCT FROM (n.mode, n.skip, n.lock, n.statement)",
    6,
    {UUIDOID, TEXTOID, BOOLOID, INT4OID, INT4OID, TIMESTAMPTZOID},
    nullptr};
Statement s_delete{"DELETE FROM ayb_jobs.matview_refreshes WHERE id = $1", 1, {UUIDOID}, nullptr};

Registration registration_arguments(FunctionCallInfo fcinfo) {
    Registration wanted{};
    require_argument(fcinfo, 0, "view_name");
    wanted.view = text_argument(fcinfo, 0);
    if (wanted.view[0] == '\0')
        ereport(ERROR, (errcode(ERRCODE_INVALID_PARAMETER_VALUE), errmsg("view_name is required"),
                        errhint("Name the view without its schema.")));
    require_argument(fcinfo, 2, "refresh_mode");
    wanted.mode = mode_argument(fcinfo, 2);
    require_argument(fcinfo, 1, "schema_name");
    wanted.schema = text_argument(fcinfo, 1);
    check_identifier(wanted.schema);
    check_identifier(wanted.view);
    require_argument(fcinfo, 3, "skip_unchanged");
    wanted.skip_unchanged = PG_GETARG_BOOL(3);
    wanted.lock_timeout = timeout_argument(fcinfo, 4, "lock_timeout");
    wanted.statement_timeout = timeout_argument(fcinfo, 5, "statement_timeout");
    return wanted;
}

Parameters changes(FunctionCallInfo fcinfo) {
    Parameters parameters;
    parameters.set_text(2, mode_argument(fcinfo, 1));
    if (!PG_ARGISNULL(2))
        parameters.set(3, BoolGetDatum(PG_GETARG_BOOL(2)));
    const int lock = timeout_argument(fcinfo, 3, "lock_timeout");
    const int statement = timeout_argument(fcinfo, 4, "statement_timeout");
    if (lock >= 0)
        parameters.set(4, Int32GetDatum(lock));
    if (statement >= 0)
        parameters.set(5, Int32GetDatum(statement));
    parameters.set_time(6, clock_now());
    return parameters;
}

} // namespace

} // namespace ayb

using namespace ayb;

// register_matview(view_name, schema_name, refresh_mode, skip_unchanged, lock_timeout,
// statement_timeout) → matview_refreshes
AYB_SQL_FUNCTION(ayb_jobs_register_matview) {
    const Registration wanted = registration_arguments(fcinfo);
    core::Uuid id;
    if (!register_matview(wanted, &id))
        ereport(ERROR,
                (errcode(ERRCODE_UNIQUE_VIOLATION), errmsg("materialized view already registered"),
                 errdetail("It is %s.%s.", wanted.schema, wanted.view),
                 errhint("Change it with ayb_jobs.update_matview().")));
    bool null;
    MemoryContext context = CurrentMemoryContext;
    const Books books = open_books();
    const Datum row = matview_row(id, context, &null);
    close_books(books);
    PG_RETURN_DATUM(row);
}

// update_matview(id, refresh_mode, skip_unchanged, lock_timeout, statement_timeout) →
// matview_refreshes
AYB_SQL_FUNCTION(ayb_jobs_update_matview) {
    const core::Uuid id = id_argument(fcinfo, 0);
    Parameters parameters = changes(fcinfo);
    const Oid me = GetUserId();
    const Matview matview = require_matview(id, me, true);
    const bool skip = PG_ARGISNULL(2) ? matview.skip_unchanged : PG_GETARG_BOOL(2);
    const Oid view = find_view(matview.schema, matview.view);
    if (!PG_ARGISNULL(2) && skip && OidIsValid(view))
        make_triggers(view, me);
    MemoryContext context = CurrentMemoryContext;
    bool null;
    const Books books = open_books();
    run_statement(s_update, parameters.set(1, uuid_datum(id)));
    const Datum row = matview_row(id, context, &null);
    close_books(books);
    if (matview.skip_unchanged && !skip)
        drop_needless_triggers();
    PG_RETURN_DATUM(row);
}

// unregister_matview(id) → void
AYB_SQL_FUNCTION(ayb_jobs_unregister_matview) {
    const core::Uuid id = id_argument(fcinfo, 0);
    const Matview matview = require_matview(id, GetUserId(), true);
    const Books books = open_books();
    Parameters parameters;
    run_statement(s_delete, parameters.set(1, uuid_datum(id)));
    close_books(books);
    if (matview.skip_unchanged)
        drop_needless_triggers();
    PG_RETURN_VOID();
}

// matview_by_name(view_name, schema_name) → matview_refreshes
AYB_SQL_FUNCTION(ayb_jobs_matview_by_name) {
    require_argument(fcinfo, 0, "view_name");
    require_argument(fcinfo, 1, "schema_name");
    core::Uuid id;
    if (!find_registration(text_argument(fcinfo, 1), text_argument(fcinfo, 0), &id))
        PG_RETURN_NULL();
    Matview matview;
    if (!find_matview(id, GetUserId(), false, &matview))
        PG_RETURN_NULL();
    MemoryContext context = CurrentMemoryContext;
    bool null;
    const Books books = open_books();
    const Datum row = matview_row(id, context, &null);
    close_books(books);
    if (null)
        PG_RETURN_NULL();
    PG_RETURN_DATUM(row);
}
