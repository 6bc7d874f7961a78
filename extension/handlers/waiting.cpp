#include "handlers/waiting.hpp"

#include "pg/clock.hpp"
#include "pg/sql.hpp"

namespace ayb {

namespace {

Sql<const char *, WaitsFor, At> g_route{R"sql(
    UPDATE ayb_jobs.job_queue AS q SET waits_for = $2, updated_at = $3
    WHERE q.type = $1 AND q.state = 'queued' AND q.waits_for IS DISTINCT FROM $2
)sql"};

// What somebody has locked waits for the next sweep: else any role's open transaction could hold up
// the scheduler.
#define AYB_SEND_WAITING                                                                           \
    " FOR UPDATE OF q SKIP LOCKED)"                                                                \
    " UPDATE ayb_jobs.job_queue AS q SET updated_at = $1, waits_for = CASE"                        \
    " WHEN w.kind IS NULL THEN 'handler' WHEN w.kind = 'external' THEN 'external' END"             \
    " FROM waiting AS w WHERE q.id = w.id"

Sql<At> g_sweep{R"sql(
    WITH waiting AS MATERIALIZED (
        SELECT q.id, h.kind
        FROM ayb_jobs.handlers AS h JOIN ayb_jobs.job_queue AS q
            ON q.type = h.type AND q.state = 'queued' AND q.waits_for = 'handler'
)sql" AYB_SEND_WAITING};
// Enqueued for workers outside while another transaction registered the type for ours, or forgot
// it. One index probe a type finds which types there are.
Sql<At> g_sweep_external{R"sql(
    WITH RECURSIVE found AS (
        (
            SELECT q.type
            FROM ayb_jobs.job_queue AS q
            WHERE q.state = 'queued' AND q.waits_for = 'external'
            ORDER BY q.type
            LIMIT 1
        )
        UNION ALL
        SELECT n.type
        FROM found AS f CROSS JOIN LATERAL (
            SELECT q.type
            FROM ayb_jobs.job_queue AS q
            WHERE q.state = 'queued' AND q.waits_for = 'external' AND q.type > f.type
            ORDER BY q.type
            LIMIT 1
        ) AS n
    ), waiting AS MATERIALIZED (
        SELECT q.id, h.kind
        FROM found AS f LEFT JOIN ayb_jobs.handlers AS h ON h.type = f.type
            JOIN ayb_jobs.job_queue AS q
            ON q.type = f.type AND q.state = 'queued' AND q.waits_for = 'external'
        WHERE h.kind IS DISTINCT FROM 'external'
)sql" AYB_SEND_WAITING};

} // namespace

void route_waiting_jobs(const char *type, std::optional<Kind> kind) {
    g_route.run(type, who_takes(kind), At{clock_now()});
}

void sweep_waiting_jobs() {
    in_own_books([] {
        g_sweep.run(At{clock_now()});
        g_sweep_external.run(At{clock_now()});
    });
}

} // namespace ayb
