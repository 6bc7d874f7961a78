#include "jobs/lane_scan.hpp"

#include "memory/counts.hpp"
#include "memory/lanes.hpp"
#include "pg/sql.hpp"

namespace ayb {

namespace {

// The first queued job of each lane, due or not, paused or not; $1: from the start. Each known lane
// is read from its floor, so that rows which an old snapshot still holds cost nothing; other roles
// are looked for between the known ones, one index probe each.
constexpr const char *kFirstQueued = R"sql(
    WITH RECURSIVE known AS MATERIALIZED (
        SELECT f.run_as, f.run_at, f.id FROM ayb_jobs._floors($1) AS f
    ), gap AS (
        SELECT k.run_as AS after,
            lead(k.run_as, 1, '4294967295'::oid) OVER (ORDER BY k.run_as) AS before
        FROM (SELECT '0'::oid AS run_as UNION ALL SELECT n.run_as FROM known AS n) AS k
        WHERE ayb_jobs._sees_all()
    ), unknown AS (
        SELECT n.run_as, n.run_at, n.id, g.before
        FROM gap AS g CROSS JOIN LATERAL (
            SELECT q.run_as::oid AS run_as, q.run_at, q.id
            FROM ayb_jobs.job_queue AS q
            WHERE q.state = 'queued' AND q.waits_for IS NULL
                AND q.run_as > g.after AND q.run_as < g.before
            ORDER BY q.run_as, q.run_at, q.id
            LIMIT 1
        ) AS n
        UNION ALL
        SELECT n.run_as, n.run_at, n.id, u.before
        FROM unknown AS u CROSS JOIN LATERAL (
            SELECT q.run_as::oid AS run_as, q.run_at, q.id
            FROM ayb_jobs.job_queue AS q
            WHERE q.state = 'queued' AND q.waits_for IS NULL
                AND q.run_as > u.run_as AND q.run_as < u.before
            ORDER BY q.run_as, q.run_at, q.id
            LIMIT 1
        ) AS n
    )
    SELECT k.run_as, first.run_at, first.id
    FROM known AS k CROSS JOIN LATERAL (
        SELECT q.run_at, q.id
        FROM ayb_jobs.job_queue AS q
        WHERE q.run_as = k.run_as AND q.state = 'queued' AND q.waits_for IS NULL
            AND (q.run_at, q.id) >= (k.run_at, k.id)
        ORDER BY q.run_at, q.id
        LIMIT 1
    ) AS first
    UNION ALL
    SELECT u.run_as, u.run_at, u.id FROM unknown AS u
)sql";
Sql<bool> g_lanes{kFirstQueued};
// The same under the rights, and the policies, of whoever asks.
Sql<bool> g_own_lanes{kFirstQueued};
Sql<> g_counts{R"sql(
    SELECT q.run_as::oid, q.state, count(*) FROM ayb_jobs.job_queue AS q GROUP BY 1, 2
    UNION ALL
    SELECT h.run_as::oid, 'completed', count(*) FROM ayb_jobs.job_history AS h GROUP BY 1
)sql"};

void enter_counts() {
    const uint64 rows = g_counts.run();
    for (uint64 row = 0; row < rows; row++) {
        Oid role = InvalidOid;
        State state = State::queued;
        int64 jobs = 0;
        read_row(row, &role, &state, &jobs);
        enter_count({MyDatabaseId, role}, state, jobs);
    }
}

// One snapshot, which the journal is compared with. Not a part of what longjmp comes back to.
pg_noinline bool count_in_transaction(Database *database) {
    return in_transaction(
        [database] {
            in_books(enter_counts);
            database->counted = finish_count(MyDatabaseId, GetActiveSnapshot());
            return database->counted;
        },
        [] { XactIsoLevel = XACT_REPEATABLE_READ; });
}

} // namespace

void find_lanes(bool from_start) {
    in_own_books([from_start] {
        const uint64 rows = g_lanes.run(from_start);
        for (uint64 row = 0; row < rows; row++) {
            Oid role = InvalidOid;
            Position first = kEnd;
            read_row(row, &role, &first.run_at, &first.id);
            lower_lane({MyDatabaseId, role}, first);
        }
    });
}

bool count_jobs(Database *database) {
    if (!begin_count(MyDatabaseId))
        return false;
    database->counted = false; // until the new counts are entered
    bool exact = false;
    PG_TRY();
    { exact = count_in_transaction(database); }
    PG_CATCH();
    {
        abandon_count(MyDatabaseId);
        PG_RE_THROW();
    }
    PG_END_TRY();
    return exact;
}

} // namespace ayb

using namespace ayb;

// _first_queued(from_start): prepared once a session, as the scheduler has it. To plan it anew
// costs more than all the probes.
AYB_SQL_FUNCTION(ayb_jobs_first_queued) {
    const ReturnSetInfo *result = begin_set(fcinfo);
    const bool from_start = PG_GETARG_BOOL(0);
    as_caller([result, from_start] {
        const uint64 rows = g_own_lanes.run(from_start);
        for (uint64 row = 0; row < rows; row++)
            tuplestore_puttuple(result->setResult, SPI_tuptable->vals[row]);
    });
    PG_RETURN_NULL();
}
