#include "schedule/rows.hpp"

#include "base/arguments.hpp"
#include "base/rights.hpp"
#include "base/rows.hpp"

namespace ayb {

namespace {

Sql<core::Uuid> g_lock{R"sql(
    SELECT s.name, s.job_type, s.cron_expr, s.timezone, s.enabled, s.run_as::oid, s.max_attempts,
        s.next_run_at, greatest(s.last_run_at, (s.last_skip ->> 'at')::timestamptz)
    FROM ayb_jobs.schedules AS s
    WHERE s.id = $1
    FOR UPDATE
)sql"};
Sql<const char *, Oid, bool> g_find{R"sql(
    SELECT s.id
    FROM ayb_jobs.schedules AS s
    WHERE s.name = $1 AND ($3 OR pg_has_role($2, s.run_as, 'USAGE'))
)sql"};
// What looks like an id is one before it is a name.
Sql<const char *, Oid, bool> g_id_of{R"sql(
    SELECT s.id
    FROM ayb_jobs.schedules AS s
    WHERE (s.name = $1
            OR s.id = CASE WHEN $1 ~* '^[0-9a-f]{8}(-[0-9a-f]{4}){3}-[0-9a-f]{12}$' THEN $1::uuid END)
        AND ($3 OR pg_has_role($2, s.run_as, 'USAGE'))
    ORDER BY s.name = $1
    LIMIT 1
)sql"};
Sql<core::Uuid> g_row{"SELECT s FROM ayb_jobs.schedules AS s WHERE s.id = $1"};

// What names a schedule, in the first argument. 22004, 22023.
const char *schedule_argument(FunctionCallInfo fcinfo) {
    constexpr const char *kHint = "Pass the schedule's name, or its id.";
    if (PG_ARGISNULL(0))
        ereport(ERROR,
                (errcode(ERRCODE_NULL_VALUE_NOT_ALLOWED), errmsg("schedule must not be null"),
                 err_generic_string(PG_DIAG_COLUMN_NAME, "schedule"), errhint("%s", kHint)));
    return name_argument(fcinfo, 0, "schedule", kHint);
}

[[noreturn]] void no_such_schedule(const char *schedule) {
    ereport(ERROR, (errcode(ERRCODE_NO_DATA_FOUND), errmsg("schedule %s not found", schedule),
                    errhint("The table ayb_jobs.schedules shows those of your roles.")));
    pg_unreachable();
}

} // namespace

bool find_schedule(const char *name, Oid me, bool admin, core::Uuid *id) {
    if (g_find.run(name, me, admin) == 0)
        return false;
    read_row(0, id);
    return true;
}

Schedule lock_schedule(const core::Uuid &id, Oid me, Right right) {
    if (g_lock.run(id) == 0)
        no_such_schedule(uuid_text(id));
    Schedule found{};
    found.id = id;
    found.next_run_at = DT_NOEND;
    found.last_tick = DT_NOBEGIN;
    read_row(0, &found.name, &found.type, &found.cron, &found.zone, &found.enabled, &found.run_as,
             &found.max_attempts, &found.next_run_at, &found.last_tick);
    if (has_right(me, right) || has_privs_of_role(me, found.run_as))
        return found;
    if (has_right(me, Right::read))
        refuse_right(me, right, "");
    no_such_schedule(uuid_text(id));
    return found;
}

Datum schedule_row(const core::Uuid &id, MemoryContext context) {
    if (g_row.run(id) == 0)
        no_such_schedule(uuid_text(id));
    Datum row = 0;
    read_row(0, &row);
    return copy_row(row, context);
}

} // namespace ayb

using namespace ayb;

// schedule_id(schedule) → uuid
AYB_SQL_FUNCTION(ayb_jobs_schedule_id) {
    const char *schedule = schedule_argument(fcinfo);
    const Oid me = GetUserId();
    const bool all = has_right(me, Right::read);
    const core::Uuid id = in_books([&] {
        core::Uuid found{};
        if (g_id_of.run(schedule, me, all) == 0)
            no_such_schedule(psprintf("\"%s\"", schedule));
        read_row(0, &found);
        return found;
    });
    PG_RETURN_DATUM(uuid_datum(id));
}
