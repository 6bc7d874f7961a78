// create_schedule().
#include "base/arguments.hpp"
#include "base/notice.hpp"
#include "jobs/order.hpp"
#include "jobs/payload.hpp"
#include "pg/books.hpp"
#include "pg/clock.hpp"
#include "schedule/arguments.hpp"
#include "schedule/rows.hpp"
#include "schedule/rule.hpp"

namespace ayb {

namespace {

Statement s_create{
    "INSERT INTO ayb_jobs.schedules (id, name, job_type, cron_expr, timezone, payload, enabled,"
    " max_attempts, overlap, missed, run_as, next_run_at, created_at, updated_at)"
    " VALUES ($1, $2, $3, $4, $5, $6, $7, $8, $9, $10, $11, $12, $13, $13)"
    " ON CONFLICT (name) DO NOTHING",
    13,
    {UUIDOID, TEXTOID, TEXTOID, TEXTOID, TEXTOID, JSONBOID, BOOLOID, INT4OID, TEXTOID, TEXTOID,
     OIDOID, TIMESTAMPTZOID, TIMESTAMPTZOID},
    nullptr};

struct Draft {
    const char *name;
    Order order;
    const char *cron;
    const char *zone;
    bool enabled;
    const char *overlap;
    const char *missed;
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
    draft.zone = text_argument(fcinfo, 3);
    draft.order.now = clock_now();
    draft.next = require_next_tick(rule, require_zone(draft.zone), draft.order.now);
    require_argument(fcinfo, 4, "payload");
    check_json_size(PG_GETARG_DATUM(4), "payload");
    require_argument(fcinfo, 5, "enabled");
    draft.enabled = PG_GETARG_BOOL(5);
    draft.order.max_attempts = max_attempts_argument(fcinfo, 6);
    require_argument(fcinfo, 7, "overlap");
    draft.overlap = policy_argument(fcinfo, 7, "overlap", "skip", "queue", nullptr);
    require_argument(fcinfo, 8, "missed");
    draft.missed = policy_argument(fcinfo, 8, "missed", "once", "all", "skip");
    draft.run_as = requested_role(fcinfo, 9);
    return draft;
}

void insert_draft(const Draft &draft, const core::Uuid &id, Datum payload) {
    Parameters parameters;
    parameters.set(1, uuid_datum(id)).set_text(2, draft.name).set_text(3, draft.order.type);
    parameters.set_text(4, draft.cron).set_text(5, draft.zone).set(6, payload);
    parameters.set(7, BoolGetDatum(draft.enabled));
    parameters.set(8, Int32GetDatum(draft.order.max_attempts)).set_text(9, draft.overlap);
    parameters.set_text(10, draft.missed).set(11, ObjectIdGetDatum(draft.run_as));
    parameters.set_time(12, draft.next).set_time(13, draft.order.now);
    if (run_statement(s_create, parameters) == 0)
        ereport(ERROR,
                (errcode(ERRCODE_UNIQUE_VIOLATION),
                 errmsg("schedule \"%s\" already exists", draft.name),
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
    const Books books = open_books();
    insert_draft(draft, id, payload);
    const Datum row = schedule_row(id, context);
    close_books(books);
    PG_RETURN_DATUM(row);
}
