#include "matview/record.hpp"

#include "base/arguments.hpp"
#include "pg/clock.hpp"
#include "pg/sql.hpp"

namespace ayb {

namespace {

Sql<core::Uuid, At, int64, int64, const char *, Oid> g_success{R"sql(
    UPDATE ayb_jobs.matview_refreshes AS m
    SET last_refresh_at = $2, last_success_at = $2, last_refresh_duration_ms = $3,
        last_refresh_status = 'success',
        last_refresh_error = NULL, last_refresh_rows = $4, sources_seen = $5,
        changes_seen = ayb_jobs_internal.base_changes($6),
        last_durations_ms = ($3 || m.last_durations_ms)[1:10]
    WHERE m.id = $1
)sql"};
Sql<core::Uuid, At, int64, const char *> g_error{R"sql(
    UPDATE ayb_jobs.matview_refreshes AS m
    SET last_refresh_at = $2, last_refresh_duration_ms = $3, last_refresh_status = 'error',
        last_refresh_error = $4
    WHERE m.id = $1
)sql"};
Sql<core::Uuid, At> g_skipped{R"sql(
    UPDATE ayb_jobs.matview_refreshes AS m SET last_skipped_at = $2 WHERE m.id = $1
)sql"};

} // namespace

void record_refresh(const RefreshOutcome &outcome, Oid view, const char *sources_seen) {
    const At now{clock_now()};
    const int64 duration = Max(outcome.duration_ms, 0);
    in_bounded_books([&] {
        if (outcome.status == RefreshStatus::success)
            g_success.run(outcome.id, now, duration, outcome.rows, sources_seen, view);
        else
            g_error.run(outcome.id, now, duration, outcome.written);
    });
}

void record_skipped(const core::Uuid &id) {
    in_bounded_books([&id] { g_skipped.run(id, At{clock_now()}); });
}

} // namespace ayb
