// create_schedule().
#include "base/arguments.hpp"
#include "base/notice.hpp"
#include "jobs/order.hpp"
#include "jobs/payload.hpp"
#include "pg/clock.hpp"
#include "schedule/arguments.hpp"
#include "schedule/rows.hpp"
#include "schedule/rule.hpp"

namespace ayb {

namespace {

using CreateSchedule =
    Sql<core::Uuid, const char *, const char *, const char *, const char *, Json, bool, int,
        std::optional<Overlap>, std::optional<core::Missed>, Oid, At, At>;
CreateSchedule g_create{R"sql(
    INSERT INTO ayb_jobs.schedules (id, name, job_type, cron_expr, timezone, payload, enabled,
        max_attempts, overlap, missed, run_as, next_run_at, created_at, updated_at)
    VALUES ($1, $2, $3, $4, $5, $6, $7, $8, $9, $10, $11, $12, $13, $13)
    ON CONFLICT (name) DO NOTHING
)sql"};

struct Draft {
    const char *name;
    Order order;
    const char *cron;
    const char *zone;
    bool enabled;
    std::optional<Overlap> overlap;
    std::optional<core::Missed> missed;
    Oid run_as;
    TimestampTz next;
};

// In the order in which the admin API names what is wrong.
Draft read_draft(FunctionCallInfo fcinfo) {
    Draft draft{};
    draft.name = name_argument(fcinfo, 0, "name",
                               "A schedule is found by its name, such as nightly_report.");
    draft.order.type = type_argument(fcinfo, 1, "job_type");
    require_argument(fcinfo, 2, "cron_expr");
    draft.cron = text_argument(fcinfo, 2);
    const core::CronRule rule = require_rule(draft.cron);
    require_argument(fcinfo, 3, "timezone");
    draft.zone = zone_spelling(text_argument(fcinfo, 3));
    draft.order.now = clock_now();
    draft.next = require_next_tick(rule, require_zone(draft.zone), draft.order.now);
    require_argument(fcinfo, 4, "payload");
    check_json_size(PG_GETARG_DATUM(4), "payload");
    require_argument(fcinfo, 5, "enabled");
    draft.enabled = PG_GETARG_BOOL(5);
    draft.order.max_attempts = max_attempts_argument(fcinfo, 6);
    require_argument(fcinfo, 7, "overlap");
    draft.overlap = overlap_argument(fcinfo, 7);
    require_argument(fcinfo, 8, "missed");
    draft.missed = missed_argument(fcinfo, 8);
    draft.run_as = requested_role(fcinfo, 9);
    return draft;
}

void insert_draft(const Draft &draft, const core::Uuid &id, Datum payload) {
    if (g_create.run(id, draft.name, draft.order.type, draft.cron, draft.zone, Json(payload),
                     draft.enabled, draft.order.max_attempts, draft.overlap, draft.missed,
                     draft.run_as, At{draft.next}, At{draft.order.now}) == 0)
        ereport(ERROR,
                (errcode(ERRCODE_UNIQUE_VIOLATION),
                 errmsg("schedule \"%s\" already exists", draft.name),
                 err_generic_string(PG_DIAG_COLUMN_NAME, "name"),
                 errhint("Change it with ayb_jobs.update_schedule(), or choose another name.")));
}

} // namespace

} // namespace ayb

using namespace ayb;

// create_schedule(name, job_type, cron_expr, timezone, payload, enabled, max_attempts, overlap,
// missed, run_as) → schedules
AYB_SQL_FUNCTION(ayb_jobs_create_schedule) {
    Draft draft = read_draft(fcinfo);
    draft.order.run_as = draft.run_as;
    if (!apply_handler(&draft.order, draft.run_as))
        notice_no_handler(draft.order.type);
    const Datum payload = PG_GETARG_DATUM(4);
    if (draft.order.builtin)
        check_payloads(draft.order.type, &payload, 1);
    notice_if_nothing_runs();

    MemoryContext context = CurrentMemoryContext;
    const core::Uuid id = new_job_id(draft.order.now);
    PG_RETURN_DATUM(in_bounded_books([&] {
        insert_draft(draft, id, payload);
        return schedule_row(id, context);
    }));
}
