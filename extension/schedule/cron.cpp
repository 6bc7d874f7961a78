// cron_next(), cron_preview() and cron_describe(): a rule, looked at without a schedule.
#include "base/arguments.hpp"
#include "pg/clock.hpp"
#include "schedule/rule.hpp"

namespace ayb {

namespace {

constexpr int kMostPreviewed = 1000;
constexpr Size kDescriptionBytes = 4096;

core::CronRule rule_argument(FunctionCallInfo fcinfo, int number) {
    require_argument(fcinfo, number, "expr");
    return require_rule(text_to_cstring(PG_GETARG_TEXT_PP(number)), "expr");
}

pg_tz *zone_argument(FunctionCallInfo fcinfo, int number) {
    require_argument(fcinfo, number, "timezone");
    return require_zone(text_to_cstring(PG_GETARG_TEXT_PP(number)));
}

TimestampTz after_argument(FunctionCallInfo fcinfo, int number) {
    return PG_ARGISNULL(number) ? clock_now() : PG_GETARG_TIMESTAMPTZ(number);
}

} // namespace

} // namespace ayb

using namespace ayb;

// cron_next(expr, timezone, after) → timestamptz
AYB_SQL_FUNCTION(ayb_jobs_cron_next) {
    const core::CronRule rule = rule_argument(fcinfo, 0);
    pg_tz *zone = zone_argument(fcinfo, 1);
    const TimestampTz next = next_tick(rule, zone, after_argument(fcinfo, 2));
    if (TIMESTAMP_IS_NOEND(next))
        PG_RETURN_NULL();
    PG_RETURN_TIMESTAMPTZ(next);
}

// cron_preview(expr, timezone, count, after) → setof timestamptz
AYB_SQL_FUNCTION(ayb_jobs_cron_preview) {
    const core::CronRule rule = rule_argument(fcinfo, 0);
    pg_tz *zone = zone_argument(fcinfo, 1);
    require_argument(fcinfo, 2, "count");
    const int count = PG_GETARG_INT32(2);
    if (count < 1 || count > kMostPreviewed)
        ereport(ERROR, (errcode(ERRCODE_INVALID_PARAMETER_VALUE),
                        errmsg("count must be between 1 and %d", kMostPreviewed),
                        err_generic_string(PG_DIAG_COLUMN_NAME, "count"),
                        errhint("Pass the last of them as after for more.")));
    TimestampTz tick = after_argument(fcinfo, 3);
    ReturnSetInfo *result = begin_set(fcinfo);
    for (int i = 0; i < count; i++) {
        tick = next_tick(rule, zone, tick);
        if (TIMESTAMP_IS_NOEND(tick))
            break;
        Datum value = TimestampTzGetDatum(tick);
        bool null = false;
        tuplestore_putvalues(result->setResult, result->setDesc, &value, &null);
    }
    PG_RETURN_NULL();
}

// cron_describe(expr, timezone) → text
AYB_SQL_FUNCTION(ayb_jobs_cron_describe) {
    const core::CronRule rule = rule_argument(fcinfo, 0);
    const char *zone = text_argument(fcinfo, 1);
    if (zone != nullptr)
        zone = pg_get_timezone_name(require_zone(zone));
    auto *text = static_cast<char *>(palloc(kDescriptionBytes));
    CoreFailure failure;
    const bool good = within_wall(&failure, [&] {
        strlcpy(text, core::describe_cron(rule, zone != nullptr ? zone : "").c_str(),
                kDescriptionBytes);
    });
    if (!good)
        raise_failure(failure, "expr");
    PG_RETURN_TEXT_P(cstring_to_text(text));
}

// pg_cron_setting(name) → text, or null. Since its 1.5 pg_cron shows them to superusers alone, but
// whoever takes its entries over has to know where they were kept and what zone they were in.
AYB_SQL_FUNCTION(ayb_jobs_pg_cron_setting) {
    const char *name = text_to_cstring(PG_GETARG_TEXT_PP(0));
    const bool asked =
        strcmp(name, "cron.timezone") == 0 || strcmp(name, "cron.database_name") == 0;
    const char *value = asked ? GetConfigOption(name, true, false) : nullptr;
    if (value == nullptr)
        PG_RETURN_NULL();
    PG_RETURN_TEXT_P(cstring_to_text(value));
}
