#include "letters/letters.hpp"

#include "handlers/handlers.hpp"
#include "pg/settings.hpp"

namespace ayb {

namespace {

// Its meta is the job's, so that whoever follows a trace comes by; and says that it is a letter.
Sql<UuidArray, At, int> g_leave{R"sql(
    WITH failed AS MATERIALIZED (
        SELECT q.id, q.type, q.payload, q.run_as, q.last_error, q.attempts, q.runs, q.meta,
            h.dead_letter, ayb_jobs.uuid7() AS letter, coalesce(l.max_attempts, $3) AS max_attempts,
            coalesce(l.priority, 0) AS priority
        FROM ayb_jobs.job_queue AS q JOIN ayb_jobs.handlers AS h ON h.type = q.type
            LEFT JOIN ayb_jobs.handlers AS l ON l.type = h.dead_letter
        WHERE q.id = ANY ($1) AND q.state = 'failed' AND h.dead_letter IS NOT NULL
            AND l.builtin IS NOT TRUE AND (q.meta ? 'dead_letter_of') IS NOT TRUE
    ),
    noted AS (
        UPDATE ayb_jobs.job_attempts AS a SET letter = f.letter
        FROM failed AS f WHERE a.job_id = f.id AND a.attempt = f.runs
    )
    INSERT INTO ayb_jobs.job_queue (id, type, payload, run_as, enqueued_by, run_at, max_attempts,
        created_at, updated_at, priority, meta)
    SELECT f.letter, f.dead_letter,
        jsonb_build_object('job', f.id, 'type', f.type, 'payload', f.payload, 'error', f.last_error,
                           'attempts', f.attempts),
        f.run_as, f.run_as, $2, f.max_attempts, $2, $2, f.priority,
        coalesce(f.meta, '{}') || jsonb_build_object('dead_letter_of', f.id)
    FROM failed AS f
)sql"};

} // namespace

bool leaves_letter(const char *type) {
    const Handler *handler = find_handler(type);
    return handler != nullptr && handler->dead_letter;
}

void leave_letters(UuidArray failed, TimestampTz now) {
    g_leave.run(failed, At{now}, settings::max_attempts);
}

} // namespace ayb
