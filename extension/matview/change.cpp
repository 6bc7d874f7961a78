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
using UpdateMatview =
    Sql<core::Uuid, const char *, std::optional<bool>, std::optional<int>, std::optional<int>, At>;
UpdateMatview g_update{R"sql(
    UPDATE ayb_jobs.matview_refreshes AS m
    SET refresh_mode = n.mode, skip_unchanged = n.skip, lock_timeout = n.lock,
        statement_timeout = n.statement, sources_seen = NULL, updated_at = $6
    FROM (
        SELECT coalesce($2, o.refresh_mode) AS mode, coalesce($3, o.skip_unchanged) AS skip,
            nullif(coalesce($4 * interval '1 ms', o.lock_timeout), '0') AS lock,
            nullif(coalesce($5 * interval '1 ms', o.statement_timeout), '0') AS statement
        FROM ayb_jobs.matview_refreshes AS o
        WHERE o.id = $1
    ) AS n
    WHERE m.id = $1
        AND (m.refresh_mode, m.skip_unchanged, m.lock_timeout, m.statement_timeout)
        IS DISTINCT FROM (n.mode, n.skip, n.lock, n.statement)
)sql"};
Sql<core::Uuid> g_delete{"DELETE FROM ayb_jobs.matview_refreshes WHERE id = $1"};

Registration registration_arguments(FunctionCallInfo fcinfo) {
    Registration wanted{};
    require_argument(fcinfo, 0, "view_name");
    wanted.view = text_argument(fcinfo, 0);
    if (wanted.view[0] == '\0')
        ereport(ERROR, (errcode(ERRCODE_INVALID_PARAMETER_VALUE), errmsg("view_name is required"),
                        err_generic_string(PG_DIAG_COLUMN_NAME, "view_name"),
                        errhint("Name the view without its schema.")));
    require_argument(fcinfo, 2, "refresh_mode");
    wanted.mode = mode_argument(fcinfo, 2);
    require_argument(fcinfo, 1, "schema_name");
    wanted.schema = text_argument(fcinfo, 1);
    check_identifier(wanted.schema, "schema_name");
    check_identifier(wanted.view, "view_name");
    require_argument(fcinfo, 3, "skip_unchanged");
    wanted.skip_unchanged = PG_GETARG_BOOL(3);
    wanted.lock_timeout = timeout_argument(fcinfo, 4, "lock_timeout");
    wanted.statement_timeout = timeout_argument(fcinfo, 5, "statement_timeout");
    return wanted;
}

// What is to be changed; null or nothing where it stays.
struct Changes {
    const char *mode;
    std::optional<bool> skip_unchanged;
    std::optional<int> lock_timeout;
    std::optional<int> statement_timeout;
};

std::optional<int> optional_timeout(FunctionCallInfo fcinfo, int number, const char *name) {
    const int milliseconds = timeout_argument(fcinfo, number, name);
    return milliseconds >= 0 ? std::make_optional(milliseconds) : std::nullopt;
}

Changes read_changes(FunctionCallInfo fcinfo) {
    Changes changes{};
    changes.mode = mode_argument(fcinfo, 1);
    changes.skip_unchanged = optional_argument<bool>(fcinfo, 2);
    changes.lock_timeout = optional_timeout(fcinfo, 3, "lock_timeout");
    changes.statement_timeout = optional_timeout(fcinfo, 4, "statement_timeout");
    return changes;
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
    MemoryContext context = CurrentMemoryContext;
    PG_RETURN_DATUM(in_bounded_books([&] { return matview_row(id, context); }));
}

// update_matview(id, refresh_mode, skip_unchanged, lock_timeout, statement_timeout) →
// matview_refreshes
AYB_SQL_FUNCTION(ayb_jobs_update_matview) {
    const core::Uuid id = id_argument(fcinfo, 0);
    const Changes changes = read_changes(fcinfo);
    const Oid me = GetUserId();
    const Matview matview = require_matview(id, me, Right::admin, true);
    const bool skip = changes.skip_unchanged.value_or(matview.skip_unchanged);
    const Oid view = find_view(matview.schema, matview.view);
    if (changes.skip_unchanged && skip && OidIsValid(view))
        make_triggers(view, me);
    MemoryContext context = CurrentMemoryContext;
    const Datum row = in_bounded_books([&] {
        g_update.run(id, changes.mode, changes.skip_unchanged, changes.lock_timeout,
                     changes.statement_timeout, At{clock_now()});
        return matview_row(id, context);
    });
    if (matview.skip_unchanged && !skip)
        drop_needless_triggers();
    PG_RETURN_DATUM(row);
}

// unregister_matview(id) → void
AYB_SQL_FUNCTION(ayb_jobs_unregister_matview) {
    const core::Uuid id = id_argument(fcinfo, 0);
    const Matview matview = require_matview(id, GetUserId(), Right::admin, true);
    in_bounded_books([&id] { g_delete.run(id); });
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
    const Datum row = in_bounded_books([&] { return matview_row(id, context); });
    if (row == 0)
        PG_RETURN_NULL();
    PG_RETURN_DATUM(row);
}
