#include "schedule/rows.hpp"

#include "base/arguments.hpp"
#include "base/rows.hpp"
#include "pg/roles.hpp"

namespace ayb {

namespace {

Sql<core::Uuid> g_lock{R"sql(
    SELECT s.name, s.job_type, s.cron_expr, s.timezone, s.enabled, s.run_as::oid, s.max_attempts,
        s.next_run_at, greatest(s.last_run_at, (s.last_skip ->> 'at')::timestamptz)
    FROM ayb_jobs.schedules AS s
    WHERE s.id = $1
    FOR UPDATE
)sql"};
Sql<core::Uuid> g_row{"SELECT s FROM ayb_jobs.schedules AS s WHERE s.id = $1"};

[[noreturn]] void no_such_schedule(const core::Uuid &id) {
    ereport(ERROR, (errcode(ERRCODE_NO_DATA_FOUND), errmsg("schedule %s not found", uuid_text(id)),
                    errhint("The table ayb_jobs.schedules shows those of your roles.")));
    pg_unreachable();
}

} // namespace

Schedule lock_schedule(const core::Uuid &id, Oid me, bool admin) {
    if (g_lock.run(id) == 0)
        no_such_schedule(id);
    Schedule found{};
    found.id = id;
    found.next_run_at = DT_NOEND;
    found.last_tick = DT_NOBEGIN;
    read_row(0, &found.name, &found.type, &found.cron, &found.zone, &found.enabled, &found.run_as,
             &found.max_attempts, &found.next_run_at, &found.last_tick);
    if (!admin && !has_privs_of_role(me, found.run_as))
        no_such_schedule(id);
    return found;
}

Datum schedule_row(const core::Uuid &id, MemoryContext context) {
    if (g_row.run(id) == 0)
        no_such_schedule(id);
    Datum row = 0;
    read_row(0, &row);
    return copy_row(row, context);
}

} // namespace ayb
