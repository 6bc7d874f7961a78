#include "handlers/waiting.hpp"

#include "pg/books.hpp"
#include "pg/clock.hpp"

namespace ayb {

namespace {

Statement s_route{"UPDATE ayb_jobs.job_queue AS q SET waits_for = $2, updated_at = $3"
                  " WHERE q.type = $1 AND q.state = 'queued' AND q.waits_for IS DISTINCT FROM $2",
                  3,
                  {TEXTOID, TEXTOID, TIMESTAMPTZOID},
                  nullptr};
// What somebody has locked waits for the next sweep: else any role's open transaction could hold up
// the scheduler.
#define AYB_SEND_WAITING                                                                           \
    " FOR UPDATE OF q SKIP LOCKED)"                                                                \
    " UPDATE ayb_jobs.job_queue AS q SET updated_at = $1, waits_for = CASE"                        \
    " WHEN w.kind IS NULL THEN 'handler' WHEN w.kind = 'external' THEN 'external' END"             \
    " FROM waiting AS w WHERE q.id = w.id"

Statement s_sweep{
    "WITH waiting AS MATERIALIZED ("
    " SELECT q.id, h.kind FROM ayb_jobs.handlers AS h JOIN ayb_jobs.job_queue AS q"
    " ON q.type = h.type AND q.state = 'queued' AND q.waits_for = 'handler'" AYB_SEND_WAITING,
    1,
    {TIMESTAMPTZOID},
    nullptr};
// Enqueued for workers outside while another transaction registered the type for ours, or forgot
// it. One index probe a type finds which types there are.
Statement s_sweep_external{
    "WITH RECURSIVE found AS ("
    " (SELECT q.type FROM ayb_jobs.job_queue AS q"
    " WHERE q.state = 'queued' AND q.waits_for = 'external' ORDER BY q.type LIMIT 1)"
    " UNION ALL SELECT n.type FROM found AS f CROSS JOIN LATERAL ("
    " SELECT q.type FROM ayb_jobs.job_queue AS q WHERE q.state = 'queued'"
    " AND q.waits_for = 'external' AND q.type > f.type ORDER BY q.type LIMIT 1) AS n"
    "), waiting AS MATERIALIZED ("
    " SELECT q.id, h.kind FROM found AS f LEFT JOIN ayb_jobs.handlers AS h ON h.type = f.type"
    " JOIN ayb_jobs.job_queue AS q"
    " ON q.type = f.type AND q.state = 'queued' AND q.waits_for = 'external'"
    " WHERE h.kind IS DISTINCT FROM 'external'" AYB_SEND_WAITING,
    1,
    {TIMESTAMPTZOID},
    nullptr};

} // namespace

void route_waiting_jobs(const char *type, const char *kind) {
    const char *waits_for = nullptr;
    if (kind == nullptr)
        waits_for = "handler";
    else if (strcmp(kind, "external") == 0)
        waits_for = "external";
    Parameters parameters;
    run_statement(s_route,
                  parameters.set_text(1, type).set_text(2, waits_for).set_time(3, clock_now()));
}

void sweep_waiting_jobs() {
    StartTransactionCommand();
    PushActiveSnapshot(GetTransactionSnapshot());
    const Books books = open_books();
    run_statement(s_sweep, Parameters().set_time(1, clock_now()));
    run_statement(s_sweep_external, Parameters().set_time(1, clock_now()));
    close_books(books);
    PopActiveSnapshot();
    CommitTransactionCommand();
}

} // namespace ayb
