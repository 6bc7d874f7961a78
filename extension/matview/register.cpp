#include "matview/register.hpp"

#include "base/arguments.hpp"
#include "matview/rows.hpp"
#include "matview/triggers.hpp"
#include "pg/clock.hpp"

namespace ayb {

namespace {

Statement s_insert{
    "INSERT INTO ayb_jobs.matview_refreshes (id, schema_name, view_name, refresh_mode,"
    " skip_unchanged, lock_timeout, statement_timeout, run_as, created_at, updated_at)"
    " VALUES ($1, $2, $3, $4, $5, $6 * interval '1 ms', $7 * interval '1 ms', $8, $9, $9)"
    " ON CONFLICT (schema_name, view_name) DO NOTHING",
    9,
    {UUIDOID, TEXTOID, TEXTOID, TEXTOID, BOOLOID, INT4OID, INT4OID, OIDOID, TIMESTAMPTZOID},
    nullptr};
Statement s_find{"SELECT m.id FROM ayb_jobs.matview_refreshes AS m"
                 " WHERE m.schema_name = $1 AND m.view_name = $2",
                 2,
                 {TEXTOID, TEXTOID},
                 nullptr};

Oid require_own_view(const Registration &wanted, Oid *owner) {
    const Oid view = find_view(wanted.schema, wanted.view);
    if (!OidIsValid(view))
        ereport(ERROR, (errcode(ERRCODE_UNDEFINED_TABLE),
                        errmsg("materialized view not found in database"),
                        errdetail("It would be %s.%s.", wanted.schema, wanted.view),
                        errhint("CREATE MATERIALIZED VIEW makes one; a table or a plain view"
                                " can't be refreshed.")));
    *owner = view_owner(view);
    check_owner(*owner, GetUserId(), wanted.schema, wanted.view);
    return view;
}

} // namespace

bool register_matview(const Registration &wanted, core::Uuid *id) {
    Oid owner;
    const Oid view = require_own_view(wanted, &owner);
    const TimestampTz now = clock_now();
    *id = new_job_id(now);
    const Books books = open_books();
    Parameters parameters;
    parameters.set(1, uuid_datum(*id)).set_text(2, wanted.schema).set_text(3, wanted.view);
    parameters.set_text(4, wanted.mode).set(5, BoolGetDatum(wanted.skip_unchanged));
    if (wanted.lock_timeout > 0)
        parameters.set(6, Int32GetDatum(wanted.lock_timeout));
    if (wanted.statement_timeout > 0)
        parameters.set(7, Int32GetDatum(wanted.statement_timeout));
    parameters.set(8, ObjectIdGetDatum(owner)).set_time(9, now);
    const bool made = run_statement(s_insert, parameters) > 0;
    close_books(books);
    if (made && wanted.skip_unchanged)
        make_triggers(view, GetUserId());
    return made;
}

bool find_registration(const char *schema, const char *view, core::Uuid *id) {
    const Books books = open_books();
    Parameters parameters;
    const bool found = run_statement(s_find, parameters.set_text(1, schema).set_text(2, view)) > 0;
    bool null;
    if (found)
        *id = uuid_value(column(0, 1, &null));
    close_books(books);
    return found;
}

} // namespace ayb
