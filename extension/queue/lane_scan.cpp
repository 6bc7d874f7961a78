#include "queue/lane_scan.hpp"

#include "pg/books.hpp"
#include "pg/counts.hpp"
#include "pg/lanes.hpp"

namespace ayb {

namespace {

Statement s_lanes{"WITH RECURSIVE lane AS ("
                  " (SELECT q.run_as::oid AS run_as, q.run_at FROM ayb_jobs.job_queue AS q WHERE "
                  "q.state = 'queued'"
                  " AND q.waits_for IS NULL ORDER BY q.run_as, q.run_at, q.id LIMIT 1)"
                  " UNION ALL SELECT n.run_as, n.run_at FROM lane AS l CROSS JOIN LATERAL ("
                  " SELECT q.run_as::oid AS run_as, q.run_at FROM ayb_jobs.job_queue AS q WHERE "
                  "q.state = 'queued'"
                  " AND q.waits_for IS NULL AND q.run_as > l.run_as ORDER BY q.run_as, q.run_at, "
                  "q.id LIMIT 1) AS n)"
                  " SELECT run_as, run_at FROM lane",
                  0,
                  {},
                  nullptr};
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

void find_lanes() {
    StartTransactionCommand();
    PushActiveSnapshot(GetTransactionSnapshot());
    const Books books = open_books();
    const uint64 rows = run_statement(s_lanes, Parameters());
    for (uint64 row = 0; row < rows; row++)
        if (Lane *lane = lane_of(MyDatabaseId, oid_column(row, 1)))
            lower_lane(lane, time_column(row, 2, DT_NOEND));
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
            enter_count(MyDatabaseId, oid_column(row, 1), state_of(text_column(row, 2)),
                        int_column(row, 3));
        close_books(books);
        exact = finish_count(database, GetActiveSnapshot());
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
