#include "queue/lane_scan.hpp"

#include "pg/books.hpp"
#include "pg/counts.hpp"
#include "pg/lanes.hpp"
#include "queue/arguments.hpp"

namespace ayb {

namespace {

Statement s_lanes{
    "SELECT f.run_as, f.run_at, f.id FROM ayb_jobs._first_queued($1) AS f", 1, {BOOLOID}, nullptr};
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
        if (Lane *lane = lane_of(MyDatabaseId, oid_column(row, 1)))
            lower_lane(lane, first);
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
