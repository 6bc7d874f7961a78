#include "queue/waiting.hpp"

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
#define AYB_SWEEP(which)                                                                           \
    "WITH waiting AS MATERIALIZED ("                                                               \
    " SELECT q.id, h.kind FROM ayb_jobs.handlers AS h JOIN ayb_jobs.job_queue AS q"                \
    " ON q.type = h.type AND q.state = 'queued' AND " which " FOR UPDATE OF q SKIP LOCKED)"        \
    " UPDATE ayb_jobs.job_queue AS q SET updated_at = $1,"                                         \
    " waits_for = CASE w.kind WHEN 'external' THEN 'external' END"                                 \
    " FROM waiting AS w WHERE q.id = w.id"

Statement s_sweep{AYB_SWEEP("q.waits_for = 'handler'"), 1, {TIMESTAMPTZOID}, nullptr};
// Enqueued for workers outside while another transaction registered the type for ours.
Statement s_sweep_external{
    AYB_SWEEP("q.waits_for = 'external' AND h.kind <> 'external'"), 1, {TIMESTAMPTZOID}, nullptr};

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
