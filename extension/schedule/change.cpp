// update_schedule(), enable_schedule(), disable_schedule(), delete_schedule().
#include "schedule/change.hpp"

#include "base/arguments.hpp"
#include "base/rights.hpp"
#include "handlers/handlers.hpp"
#include "handlers/payload.hpp"
#include "jobs/order.hpp"
#include "pg/clock.hpp"
#include "schedule/rule.hpp"

namespace ayb {

namespace {

// Jobs of another role aren't the new one's to see. updated_at says when somebody changed
// something: not when a call found all as it was.
using UpdateSchedule = Sql<core::Uuid, const char *, const char *, std::optional<Json>,
                           std::optional<bool>, std::optional<int>, std::optional<Overlap>,
                           std::optional<core::Missed>, std::optional<At>, At, Oid, const char *>;
UpdateSchedule g_update{R"sql(
    UPDATE ayb_jobs.schedules AS s
    SET cron_expr = n.cron, timezone = n.zone, payload = n.payload, enabled = n.enabled,
        max_attempts = n.max_attempts, overlap = n.overlap, missed = n.missed, next_run_at = $9,
        last_error = NULL, updated_at = $10, run_as = $11, job_type = n.type,
        last_jobs = CASE WHEN s.run_as = $11 THEN s.last_jobs ELSE '{}' END
    FROM (
        SELECT coalesce($2, o.cron_expr) AS cron, coalesce($3, o.timezone) AS zone,
            coalesce($4, o.payload) AS payload, coalesce($5, o.enabled) AS enabled,
            coalesce($6, o.max_attempts) AS max_attempts, coalesce($7, o.overlap) AS overlap,
            coalesce($8, o.missed) AS missed, coalesce($12, o.job_type) AS type
        FROM ayb_jobs.schedules AS o
        WHERE o.id = $1
    ) AS n
    WHERE s.id = $1
        AND (s.cron_expr, s.timezone, s.payload, s.enabled, s.max_attempts, s.overlap, s.missed,
            s.next_run_at, s.run_as, s.job_type)
        IS DISTINCT FROM (n.cron, n.zone, n.payload, n.enabled, n.max_attempts, n.overlap,
            n.missed, $9::timestamptz, $11::regrole, n.type)
)sql"};
Sql<core::Uuid> g_delete{"DELETE FROM ayb_jobs.schedules WHERE id = $1"};

Changes read_changes(FunctionCallInfo fcinfo) {
    Changes changes{};
    changes.cron = text_argument(fcinfo, 1);
    if (const char *zone = text_argument(fcinfo, 2))
        changes.zone = zone_spelling(zone);
    changes.payload = optional_argument<Json>(fcinfo, 3);
    if (changes.payload)
        check_json_size(changes.payload->datum, "payload");
    changes.enabled = optional_argument<bool>(fcinfo, 4);
    const int max_attempts = max_attempts_argument(fcinfo, 5);
    if (max_attempts > 0)
        changes.max_attempts = max_attempts;
    changes.overlap = overlap_argument(fcinfo, 6);
    changes.missed = missed_argument(fcinfo, 7);
    require_argument(fcinfo, 8, "keep_next_run_at");
    changes.keep_next = PG_GETARG_BOOL(8);
    if (!PG_ARGISNULL(9))
        changes.run_as = requested_role(fcinfo, 9);
    return changes;
}

// The clock may have been set back since the last tick, which is not to come twice. By more than an
// hour, it was wrong then: the schedule would stand still until it is that late.
TimestampTz first_tick(const Schedule &old, const char *cron, const char *zone, TimestampTz now) {
    const bool believed = old.last_tick <= later(now, USECS_PER_HOUR);
    const core::CronRule rule = require_rule(cron); // before the zone: so the admin API has it
    return require_next_tick(rule, require_zone(zone), believed ? Max(now, old.last_tick) : now);
}

TimestampTz next_run(const Schedule &old, const Changes &changes, TimestampTz now) {
    const char *cron = changes.cron != nullptr ? changes.cron : old.cron;
    const char *zone = changes.zone != nullptr ? changes.zone : old.zone;
    const bool enabled = changes.enabled.value_or(old.enabled);
    const bool enables = changes.enabled == true;
    const bool disables = changes.enabled == false;
    const bool moved = strcmp(cron, old.cron) != 0 || strcmp(zone, old.zone) != 0;
    const bool stopped = TIMESTAMP_IS_NOEND(old.next_run_at);
    if (moved ||
        (enabled && (!old.enabled || (stopped && (enables || OidIsValid(changes.run_as))))))
        return first_tick(old, cron, zone, now);
    if (disables && !changes.keep_next)
        return DT_NOEND;
    return old.next_run_at;
}

// An admin may stop or move everybody's schedules, or give one to a role of their own (its role may
// be gone), but not decide what another role runs.
void check_payload_right(const Schedule &old, const Changes &changes, Oid me) {
    if (changes.payload && !OidIsValid(changes.run_as) && !may_become(me, old.run_as))
        ereport(ERROR, (errcode(ERRCODE_INSUFFICIENT_PRIVILEGE),
                        errmsg("must be able to SET ROLE \"%s\" to change what it runs",
                               role_name(old.run_as)),
                        errhint("Delete the schedule and create one of your own.")));
}

void check_new_payload(const Schedule &old, const Changes &changes) {
    const Handler *handler = changes.payload ? find_handler(old.type) : nullptr;
    if (handler != nullptr && handler->builtin)
        check_payloads(old.type, &changes.payload->datum, 1);
}

Datum change_schedule(const core::Uuid &id, const Changes &changes) {
    const Oid me = GetUserId();
    MemoryContext context = CurrentMemoryContext;
    return in_bounded_books([&] {
        const Schedule old = lock_schedule(id, me, Right::admin);
        check_payload_right(old, changes, me);
        check_new_payload(old, changes);
        write_changes(old, changes, clock_now());
        return schedule_row(id, context);
    });
}

} // namespace

void write_changes(const Schedule &old, const Changes &changes, TimestampTz now) {
    const TimestampTz next = next_run(old, changes, now);
    const auto next_run_at = TIMESTAMP_IS_NOEND(next) ? std::nullopt : std::make_optional(At{next});
    g_update.run(old.id, changes.cron, changes.zone, changes.payload, changes.enabled,
                 changes.max_attempts, changes.overlap, changes.missed, next_run_at, At{now},
                 OidIsValid(changes.run_as) ? changes.run_as : old.run_as, changes.type);
}

} // namespace ayb

using namespace ayb;

// update_schedule(id, cron_expr, timezone, payload, enabled, max_attempts, overlap, missed,
// keep_next_run_at, run_as) → schedules
AYB_SQL_FUNCTION(ayb_jobs_update_schedule) {
    PG_RETURN_DATUM(change_schedule(id_argument(fcinfo, 0), read_changes(fcinfo)));
}

// enable_schedule(id) → schedules
AYB_SQL_FUNCTION(ayb_jobs_enable_schedule) {
    Changes changes{};
    changes.enabled = true;
    PG_RETURN_DATUM(change_schedule(id_argument(fcinfo, 0), changes));
}

// disable_schedule(id) → schedules
AYB_SQL_FUNCTION(ayb_jobs_disable_schedule) {
    Changes changes{};
    changes.enabled = false;
    PG_RETURN_DATUM(change_schedule(id_argument(fcinfo, 0), changes));
}

// delete_schedule(id) → void
AYB_SQL_FUNCTION(ayb_jobs_delete_schedule) {
    const core::Uuid id = id_argument(fcinfo, 0);
    const Oid me = GetUserId();
    in_bounded_books([&] {
        lock_schedule(id, me, Right::admin);
        g_delete.run(id);
    });
    PG_RETURN_VOID();
}
