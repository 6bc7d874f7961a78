// What a worker outside says of an attempt while it holds it: add_log(), set_progress(). It stands
// in the job's row, until the next run.
#include "base/arguments.hpp"
#include "inside/log.hpp"
#include "inside/progress.hpp"
#include "outside/held.hpp"
#include "pg/books.hpp"
#include "pg/clock.hpp"
#include "pg/sql.hpp"

namespace ayb {

namespace {

// The last of it, as much as a handler's: inside/log.hpp. No index has to hear of it.
Sql<core::Uuid, At, const char *, const char *, int, int> g_add_log{R"sql(
    UPDATE ayb_jobs.job_queue AS q SET log = (
        SELECT jsonb_agg(l.line ORDER BY l.n)
        FROM (SELECT e.line, e.n, sum(octet_length(e.line ->> 'message')) OVER w AS bytes,
                     count(*) OVER w AS lines
              FROM jsonb_array_elements(coalesce(q.log, '[]')
                  || jsonb_build_object('at', $2, 'level', $3, 'message', $4)) WITH ORDINALITY AS e (line, n)
              WINDOW w AS (ORDER BY e.n DESC)) AS l
        WHERE l.lines <= $5 AND l.bytes <= $6)
    WHERE q.id = $1
)sql"};

Sql<core::Uuid, int, const char *> g_set_progress{R"sql(
    UPDATE ayb_jobs.job_queue AS q SET progress = jsonb_build_object('percent', $2, 'note', $3)
    WHERE q.id = $1
)sql"};

} // namespace

} // namespace ayb

using namespace ayb;

// add_log(id, worker_id, attempt, message, level) → void
AYB_SQL_FUNCTION(ayb_jobs_add_log_held) {
    const Attempt held = attempt_arguments(fcinfo);
    const LogLine said = log_arguments(fcinfo, 3);
    in_bounded_books([&] {
        require_held(held);
        g_add_log.run(held.id, At{clock_now()}, said.level, said.message, kLogLines,
                      static_cast<int>(kLogBytes));
    });
    PG_RETURN_VOID();
}

// set_progress(id, worker_id, attempt, percent, note) → void
AYB_SQL_FUNCTION(ayb_jobs_set_progress_held) {
    const Attempt held = attempt_arguments(fcinfo);
    const Progress said = progress_arguments(fcinfo, 3);
    in_bounded_books([&] {
        require_held(held);
        g_set_progress.run(held.id, said.percent, said.note);
    });
    PG_RETURN_VOID();
}
