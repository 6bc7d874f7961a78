#include "schedule/rule.hpp"

namespace ayb {

bool parse_rule(const char *expr, core::CronRule *rule, CoreFailure *failure) {
    return within_wall(failure, [&] { *rule = core::parse_cron(expr); });
}

core::CronRule require_rule(const char *expr, const char *argument) {
    core::CronRule rule;
    CoreFailure failure;
    if (!parse_rule(expr, &rule, &failure))
        raise_failure(failure, argument);
    return rule;
}

TimestampTz next_tick(const core::CronRule &rule, pg_tz *zone, TimestampTz after) {
    if (TIMESTAMP_IS_NOEND(after))
        return DT_NOEND;
    const std::int64_t from =
        TIMESTAMP_IS_NOBEGIN(after) ? core::kFirstInstant - 1 : unix_seconds(after);
    const std::optional<std::int64_t> tick = core::next_instant(rule, PgZone(zone), from);
    return tick ? from_unix_seconds(*tick) : DT_NOEND;
}

TimestampTz require_next_tick(const core::CronRule &rule, pg_tz *zone, TimestampTz after) {
    const TimestampTz next = next_tick(rule, zone, after);
    if (TIMESTAMP_IS_NOEND(next))
        ereport(ERROR, (errcode(ERRCODE_INVALID_PARAMETER_VALUE), errmsg("invalid cron expression"),
                        err_generic_string(PG_DIAG_COLUMN_NAME, "cron_expr"),
                        errdetail("It has no run in the zone from now on."),
                        errhint("See ayb_jobs.cron_preview().")));
    return next;
}

} // namespace ayb
