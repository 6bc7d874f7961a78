#include "matview/record.hpp"

#include "base/arguments.hpp"
#include "pg/books.hpp"
#include "pg/clock.hpp"

namespace ayb {

namespace {

Statement s_success{
    "UPDATE ayb_jobs.matview_refreshes AS m SET last_refresh_at = $2,"
    " last_refresh_duration_ms = $3, last_refresh_status = 'success', last_refresh_error = NULL,"
    " last_refresh_rows = $4, sources_seen = $5, changes_seen = ayb_jobs._base_changes($6),"
    " last_durations_ms = ($3 || m.last_durations_ms)[1:10] WHERE m.id = $1",
    6,
    {UUIDOID, TIMESTAMPTZOID, INT8OID, INT8OID, TEXTOID, OIDOID},
    nullptr};
Statement s_error{
    "UPDATE ayb_jobs.matview_refreshes AS m SET last_refresh_at = $2,"
    " last_refresh_duration_ms = $3, last_refresh_status = 'error', last_refresh_error = $4"
    " WHERE m.id = $1",
    4,
    {UUIDOID, TIMESTAMPTZOID, INT8OID, TEXTOID},
    nullptr};
Statement s_skipped{
    "UPDATE ayb_jobs.matview_refreshes AS m SET last_skipped_at = $2 WHERE m.id = $1",
    2,
    {UUIDOID, TIMESTAMPTZOID},
    nullptr};

} // namespace

void record_refresh(const RefreshOutcome &outcome, Oid view, const char *sources_seen) {
    const bool good = outcome.status == RefreshStatus::success;
    const Books books = open_books();
    Parameters parameters;
    parameters.set(1, uuid_datum(outcome.id)).set_time(2, clock_now());
    parameters.set(3, Int64GetDatum(Max(outcome.duration_ms, 0)));
    if (good)
        parameters.set(4, Int64GetDatum(outcome.rows))
            .set_text(5, sources_seen)
            .set(6, ObjectIdGetDatum(view));
    else
        parameters.set_text(4, outcome.written);
    run_statement(good ? s_success : s_error, parameters);
    close_books(books);
}

void record_skipped(const core::Uuid &id) {
    const Books books = open_books();
    Parameters parameters;
    run_statement(s_skipped, parameters.set(1, uuid_datum(id)).set_time(2, clock_now()));
    close_books(books);
}

} // namespace ayb
