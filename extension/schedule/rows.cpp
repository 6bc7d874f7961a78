#include "schedule/rows.hpp"

#include "base/arguments.hpp"
#include "base/rows.hpp"
#include "pg/roles.hpp"

namespace ayb {

namespace {

Statement s_lock{
    "SELECT s.name, s.job_type, s.cron_expr, s.timezone, s.enabled, s.run_as::oid, s.max_attempts,"
    " s.next_run_at, greatest(s.last_run_at, (s.last_skip ->> 'at')::timestamptz) FROM "
    "ayb_jobs.schedules AS s WHERE s.id = $1 FOR UPDATE",
    1,
    {UUIDOID},
    nullptr};
Statement s_row{"SELECT s FROM ayb_jobs.schedules AS s WHERE s.id = $1", 1, {UUIDOID}, nullptr};

[[noreturn]] void no_such_schedule(const core::Uuid &id) {
    ereport(ERROR, (errcode(ERRCODE_NO_DATA_FOUND), errmsg("schedule %s not found", uuid_text(id)),
                    errhint("The table ayb_jobs.schedules shows those of your roles.")));
    pg_unreachable();
}

} // namespace

Schedule lock_schedule(const core::Uuid &id, Oid me, bool admin) {
    Parameters parameters;
    if (run_statement(s_lock, parameters.set(1, uuid_datum(id))) == 0)
        no_such_schedule(id);
    bool null;
    Schedule found{};
    found.id = id;
    found.name = text_column(0, 1);
    found.type = text_column(0, 2);
    found.cron = text_column(0, 3);
    found.zone = text_column(0, 4);
    found.enabled = DatumGetBool(column(0, 5, &null));
    found.run_as = oid_column(0, 6);
    found.max_attempts = static_cast<int>(int_column(0, 7));
    found.next_run_at = time_column(0, 8, DT_NOEND);
    found.last_tick = time_column(0, 9, DT_NOBEGIN);
    if (!admin && !has_privs_of_role(me, found.run_as))
        no_such_schedule(id);
    return found;
}

Datum schedule_row(const core::Uuid &id, MemoryContext context) {
    Parameters parameters;
    bool null;
    if (run_statement(s_row, parameters.set(1, uuid_datum(id))) == 0)
        no_such_schedule(id);
    return copy_row(column(0, 1, &null), context);
}

} // namespace ayb
