// create_schedule(): a new one, or another definition for one that is there.
#include "base/arguments.hpp"
#include "base/notice.hpp"
#include "base/rights.hpp"
#include "handlers/payload.hpp"
#include "jobs/order.hpp"
#include "pg/clock.hpp"
#include "schedule/change.hpp"
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
    Datum payload;
    bool replace;
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
    draft.payload = PG_GETARG_DATUM(4);
    check_json_size(draft.payload, "payload");
    require_argument(fcinfo, 5, "enabled");
    draft.enabled = PG_GETARG_BOOL(5);
    draft.order.max_attempts = max_attempts_argument(fcinfo, 6);
    require_argument(fcinfo, 7, "overlap");
    draft.overlap = overlap_argument(fcinfo, 7);
    require_argument(fcinfo, 8, "missed");
    draft.missed = missed_argument(fcinfo, 8);
    draft.run_as = requested_role(fcinfo, 9);
    require_argument(fcinfo, 10, "replace");
    draft.replace = PG_GETARG_BOOL(10);
    return draft;
}

// What is known only with the type's handler: attempts, and which payload it takes.
void apply_type(Draft *draft) {
    draft->order.run_as = draft->run_as;
    if (!apply_handler(&draft->order, draft->run_as))
        notice_no_handler(draft->order.type);
    if (draft->order.builtin)
        check_payloads(draft->order.type, &draft->payload, 1);
}

bool insert_draft(const Draft &draft, const core::Uuid &id) {
    return g_create.run(id, draft.name, draft.order.type, draft.cron, draft.zone,
                        Json(draft.payload), draft.enabled, draft.order.max_attempts, draft.overlap,
                        draft.missed, draft.run_as, At{draft.next}, At{draft.order.now}) > 0;
}

[[noreturn]] void refuse_name(const Draft &draft) {
    ereport(ERROR,
            (errcode(ERRCODE_UNIQUE_VIOLATION),
             errmsg("schedule \"%s\" already exists", draft.name),
             err_generic_string(PG_DIAG_COLUMN_NAME, "name"),
             draft.replace
                 ? errhint("It isn't yours to replace: choose another name.")
                 : errhint("Pass replace => true, change it with ayb_jobs.update_schedule(), or"
                           " choose another name.")));
    pg_unreachable();
}

// What is the same in both stays as it is, the next tick of an unchanged rule with it.
void replace_by(const Draft &draft, const core::Uuid &id, Oid me) {
    Changes changes{};
    changes.type = draft.order.type;
    changes.cron = draft.cron;
    changes.zone = draft.zone;
    changes.payload = Json(draft.payload);
    changes.enabled = draft.enabled;
    changes.max_attempts = draft.order.max_attempts;
    changes.overlap = draft.overlap;
    changes.missed = draft.missed;
    changes.keep_next = true;
    changes.run_as = draft.run_as;
    write_changes(lock_schedule(id, me, Right::admin), changes, draft.order.now);
}

// Inside the books. Gives back the id that the schedule has.
core::Uuid write_draft(const Draft &draft, Oid me, bool admin) {
    core::Uuid id = new_job_id(draft.order.now);
    if (insert_draft(draft, id))
        return id;
    if (!draft.replace || !find_schedule(draft.name, me, admin, &id))
        refuse_name(draft);
    replace_by(draft, id, me);
    return id;
}

} // namespace

} // namespace ayb

using namespace ayb;

// create_schedule(name, job_type, cron_expr, timezone, payload, enabled, max_attempts, overlap,
// missed, run_as, replace) → schedules
AYB_SQL_FUNCTION(ayb_jobs_create_schedule) {
    Draft draft = read_draft(fcinfo);
    apply_type(&draft);
    notice_if_nothing_runs();
    const Oid me = GetUserId();
    const bool admin = is_admin(me);
    MemoryContext context = CurrentMemoryContext;
    PG_RETURN_DATUM(
        in_bounded_books([&] { return schedule_row(write_draft(draft, me, admin), context); }));
}
