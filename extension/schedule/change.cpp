// update_schedule(), enable_schedule(), disable_schedule(), delete_schedule().
#include "base/arguments.hpp"
#include "handlers/handlers.hpp"
#include "jobs/payload.hpp"
#include "pg/clock.hpp"
#include "pg/roles.hpp"
#include "schedule/arguments.hpp"
#include "schedule/rows.hpp"
#include "schedule/rule.hpp"

namespace ayb {

namespace {

// updated_at says when somebody changed something: not when a call found all as it was.
Statement s_update{
    "UPDATE ayb_jobs.schedules AS s SET cron_expr = n.cron, timezone = n.zone,"
    " payload = n.payload, enabled = n.enabled, max_attempts = n.max_attempts,"
    " overlap = n.overlap, missed = n.missed, next_run_at = $9, last_error = NULL,"
    " updated_at = $10"
    " FROM (SELECT coalesce($2, o.cron_expr) AS cron, coalesce($3, o.timezone) AS zone,"
    " coalesce($4, o.payload) AS payload, coalesce($5, o.enabled) AS enabled,"
    " coalesce($6, o.max_attempts) AS max_attempts, coalesce($7, o.overlap) AS overlap,"
    " coalesce($8, o.missed) AS missed FROM ayb_jobs.schedules AS o WHERE o.id = $1) AS n"
    " WHERE s.id = $1 AND (s.cron_expr, s.timezone, s.payload, s.enabled, s.max_attempts,"
    " s.overlap, s.missed, s.next_run_at) IS DISTINCT FROM (n.cron, n.zone, n.payload, n.enabled,"
    " n.max_attempts, n.overlap, n.missed, $9::timestamptz)",
    10,
    {UUIDOID, TEXTOID, TEXTOID, JSONBOID, BOOLOID, INT4OID, TEXTOID, TEXTOID, TIMESTAMPTZOID,
     TIMESTAMPTZOID},
    nullptr};
Statement s_delete{"DELETE FROM ayb_jobs.schedules WHERE id = $1", 1, {UUIDOID}, nullptr};

// What is to be changed; null or negative where nothing is.
struct Changes {
    const char *cron;
    const char *zone;
    bool has_payload;
    Datum payload;
    int enabled;
    int max_attempts;
    const char *overlap;
    const char *missed;
    bool keep_next;
};

Changes nothing() {
    Changes changes{};
    changes.enabled = -1;
    return changes;
}

Changes read_changes(FunctionCallInfo fcinfo) {
    Changes changes = nothing();
    changes.cron = text_argument(fcinfo, 1);
    changes.zone = text_argument(fcinfo, 2);
    changes.has_payload = !PG_ARGISNULL(3);
    if (changes.has_payload) {
        changes.payload = PG_GETARG_DATUM(3);
        check_json_size(changes.payload, "payload");
    }
    if (!PG_ARGISNULL(4))
        changes.enabled = PG_GETARG_BOOL(4) ? 1 : 0;
    changes.max_attempts = max_attempts_argument(fcinfo, 5);
    changes.overlap = policy_argument(fcinfo, 6, "overlap", "skip", "queue", nullptr);
    changes.missed = policy_argument(fcinfo, 7, "missed", "once", "all", "skip");
    require_argument(fcinfo, 8, "keep_next_run_at");
    changes.keep_next = PG_GETARG_BOOL(8);
    return changes;
}

// The clock may have been set back since the last tick, which is not to come twice. By more than a
// day, it was wrong then: the schedule would stand still until that day.
TimestampTz first_tick(const Schedule &old, const char *cron, const char *zone, TimestampTz now) {
    const bool believed = old.last_tick <= later(now, USECS_PER_DAY);
    const core::CronRule rule = require_rule(cron); // before the zone: so the admin API has it
    return require_next_tick(rule, require_zone(zone), believed ? Max(now, old.last_tick) : now);
}

TimestampTz next_run(const Schedule &old, const Changes &changes, TimestampTz now) {
    const char *cron = changes.cron != nullptr ? changes.cron : old.cron;
    const char *zone = changes.zone != nullptr ? changes.zone : old.zone;
    const bool enabled = changes.enabled < 0 ? old.enabled : changes.enabled == 1;
    const bool moved = strcmp(cron, old.cron) != 0 || strcmp(zone, old.zone) != 0;
    const bool stopped = TIMESTAMP_IS_NOEND(old.next_run_at);
    if (moved || (enabled && (!old.enabled || (stopped && changes.enabled == 1))))
        return first_tick(old, cron, zone, now);
    if (changes.enabled == 0 && !changes.keep_next)
        return DT_NOEND;
    return old.next_run_at;
}

// An admin may stop or move everybody's schedules, but not decide what another role runs.
void check_payload_right(const Schedule &old, const Changes &changes, Oid me) {
    if (changes.has_payload && !may_become(me, old.run_as))
        ereport(ERROR, (errcode(ERRCODE_INSUFFICIENT_PRIVILEGE),
                        errmsg("must be able to SET ROLE \"%s\" to change what it runs",
                               role_name(old.run_as)),
                        errhint("Delete the schedule and create one of your own.")));
}

void check_new_payload(const Schedule &old, const Changes &changes) {
    const Handler *handler = changes.has_payload ? find_handler(old.type) : nullptr;
    if (handler != nullptr && handler->builtin)
        check_payloads(old.type, &changes.payload, 1);
}

void write_changes(const Schedule &old, const Changes &changes, TimestampTz now) {
    const TimestampTz next = next_run(old, changes, now);
    Parameters parameters;
    parameters.set(1, uuid_datum(old.id)).set_text(2, changes.cron).set_text(3, changes.zone);
    if (changes.has_payload)
        parameters.set(4, changes.payload);
    if (changes.enabled >= 0)
        parameters.set(5, BoolGetDatum(changes.enabled == 1));
    if (changes.max_attempts > 0)
        parameters.set(6, Int32GetDatum(changes.max_attempts));
    parameters.set_text(7, changes.overlap).set_text(8, changes.missed);
    if (!TIMESTAMP_IS_NOEND(next))
        parameters.set_time(9, next);
    parameters.set_time(10, now);
    run_statement(s_update, parameters);
}

Datum change_schedule(const core::Uuid &id, const Changes &changes) {
    const Oid me = GetUserId();
    const bool admin = is_admin(me);
    MemoryContext context = CurrentMemoryContext;
    const Books books = open_books();
    const Schedule old = lock_schedule(id, me, admin);
    check_payload_right(old, changes, me);
    check_new_payload(old, changes);
    write_changes(old, changes, clock_now());
    const Datum row = schedule_row(id, context);
    close_books(books);
    return row;
}

} // namespace

} // namespace ayb

using namespace ayb;

// update_schedule(id, cron_expr, timezone, payload, enabled, max_attempts, overlap, missed,
// keep_next_run_at) → schedules
AYB_SQL_FUNCTION(ayb_jobs_update_schedule) {
    PG_RETURN_DATUM(change_schedule(id_argument(fcinfo, 0), read_changes(fcinfo)));
}

// enable_schedule(id) → schedules
AYB_SQL_FUNCTION(ayb_jobs_enable_schedule) {
    Changes changes = nothing();
    changes.enabled = 1;
    PG_RETURN_DATUM(change_schedule(id_argument(fcinfo, 0), changes));
}

// disable_schedule(id) → schedules
AYB_SQL_FUNCTION(ayb_jobs_disable_schedule) {
    Changes changes = nothing();
    changes.enabled = 0;
    PG_RETURN_DATUM(change_schedule(id_argument(fcinfo, 0), changes));
}

// delete_schedule(id) → void
AYB_SQL_FUNCTION(ayb_jobs_delete_schedule) {
    const core::Uuid id = id_argument(fcinfo, 0);
    const Oid me = GetUserId();
    const bool admin = is_admin(me);
    const Books books = open_books();
    lock_schedule(id, me, admin);
    Parameters parameters;
    run_statement(s_delete, parameters.set(1, uuid_datum(id)));
    close_books(books);
    PG_RETURN_VOID();
}
