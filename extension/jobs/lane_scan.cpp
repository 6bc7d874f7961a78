#include "jobs/lane_scan.hpp"

#include "base/arguments.hpp"
#include "memory/counts.hpp"
#include "memory/lanes.hpp"
#include "pg/books.hpp"

namespace ayb {

namespace {

// The first queued job of each lane, due or not, paused or not; $1: from the start. Each known lane
// is read from its floor, so that rows which an old snapshot still holds cost nothing; other roles
// are looked for between the known ones, one index probe each.
constexpr const char *kFirstQueued =
    "WITH RECURSIVE known AS MATERIALIZED ("
    " SELECT f.run_as, f.run_at, f.id FROM ayb_jobs._floors($1) AS f"
    " ), gap AS ("
    " SELECT k.run_as AS after, lead(k.run_as, 1, '4294967295'::oid) OVER (ORDER BY k.run_as) AS "
    "before"
    " FROM (SELECT '0'::oid AS run_as UNION ALL SELECT n.run_as FROM known AS n) AS k"
    " WHERE ayb_jobs._sees_all()"
    " ), unknown AS ("
    " SELECT n.run_as, n.run_at, n.id, g.before FROM gap AS g CROSS JOIN LATERAL ("
    " SELECT q.run_as::oid AS run_as, q.run_at, q.id FROM ayb_jobs.job_queue AS q"
    " WHERE q.state = 'queued' AND q.waits_for IS NULL AND q.run_as > g.after AND q.run_as < "
    "g.before"
    " ORDER BY q.run_as, q.run_at, q.id LIMIT 1) AS n"
    " UNION ALL"
    " SELECT n.run_as, n.run_at, n.id, u.before FROM unknown AS u CROSS JOIN LATERAL ("
    " SELECT q.run_as::oid AS run_as, q.run_at, q.id FROM ayb_jobs.job_queue AS q"
    " WHERE q.state = 'queued' AND q.waits_for IS NULL AND q.run_as > u.run_as AND q.run_as < "
    "u.before"
    " ORDER BY q.run_as, q.run_at, q.id LIMIT 1) AS n"
    " )"
    " SELECT k.run_as, first.run_at, first.id FROM known AS k CROSS JOIN LATERAL ("
    " SELECT q.run_at, q.id FROM ayb_jobs.job_queue AS q"
    " WHERE q.run_as = k.run_as AND q.state = 'queued' AND q.waits_for IS NULL"
    " AND (q.run_at, q.id) >= (k.run_at, k.id)"
    " ORDER BY q.run_at, q.id LIMIT 1) AS first"
    " UNION ALL"
    " SELECT u.run_as, u.run_at, u.id FROM unknown AS u";
Statement s_lanes{kFirstQueued, 1, {BOOLOID}, nullptr};
// The same under the rights, and the policies, of whoever asks.
Statement s_own_lanes{kFirstQueued, 1, {BOOLOID}, nullptr};
Statement s_counts{
    "SELECT q.run_as::oid, q.state, count(*) FROM ayb_jobs.job_queue AS q GROUP BY 1, 2"
    " UNION ALL SELECT h.run_as::oid, 'completed', count(*) FROM ayb_jobs.job_history AS h"
    " GROUP BY 1",
    0,
    {},
    nullptr};

State state_of(const char *name) {
    for (int i = 0; i < kStates; i++)
        if (strcmp(name, state_name(static_cast<State>(i))) == 0)
            return static_cast<State>(i);
    elog(ERROR, "unknown state \"%s\"", name);
}

} // namespace

void find_lanes(bool from_start) {
    StartTransactionCommand();
    PushActiveSnapshot(GetTransactionSnapshot());
    const Books books = open_books();
    const uint64 rows = run_statement(s_lanes, Parameters().set(1, BoolGetDatum(from_start)));
    for (uint64 row = 0; row < rows; row++) {
        bool null;
        const Position first{time_column(row, 2, DT_NOEND), uuid_value(column(row, 3, &null))};
        lower_lane({MyDatabaseId, oid_column(row, 1)}, first);
    }
    close_books(books);
    PopActiveSnapshot();
    CommitTransactionCommand();
}

bool count_jobs(Database *database) {
    if (!begin_count(MyDatabaseId))
        return false;
    database->counted = false; // until the new counts are entered
    bool exact = false;
    PG_TRY();
    {
        StartTransactionCommand();
        XactIsoLevel = XACT_REPEATABLE_READ; // one snapshot, which the journal is compared with
        PushActiveSnapshot(GetTransactionSnapshot());
        const Books books = open_books();
        const uint64 rows = run_statement(s_counts, Parameters());
        for (uint64 row = 0; row < rows; row++)
            enter_count({MyDatabaseId, oid_column(row, 1)}, state_of(text_column(row, 2)),
                        int_column(row, 3));
        close_books(books);
        exact = finish_count(MyDatabaseId, GetActiveSnapshot());
        database->counted = exact;
        PopActiveSnapshot();
        CommitTransactionCommand();
    }
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
    if (SPI_connect() != SPI_OK_CONNECT)
        elog(ERROR, "could not connect to SPI");
    const uint64 rows = run_statement(s_own_lanes, Parameters().set(1, PG_GETARG_DATUM(0)));
    for (uint64 row = 0; row < rows; row++)
        tuplestore_puttuple(result->setResult, SPI_tuptable->vals[row]);
    SPI_finish();
    PG_RETURN_NULL();
}
