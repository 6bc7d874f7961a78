#include "figures/names.hpp"

namespace ayb::figures {

const std::vector<Metric> &all_metrics() {
    static const std::vector<Metric> all = {
        {"ayb_jobs_up", Kind::gauge, Of::process, "Whether the database has answered."},
        {"ayb_jobs_build_info", Kind::gauge, Of::database,
         "1; the versions of the extension and of PostgreSQL."},
        {"ayb_jobs_jobs", Kind::gauge, Of::database,
         "Jobs by phase. Those of queued jobs are counted row by row, every ten seconds or less"
         " often."},
        {"ayb_jobs_oldest_due_seconds", Kind::gauge, Of::database,
         "How long the oldest job that is due has waited; 0 where none is."},
        {"ayb_jobs_attempts_total", Kind::counter, Of::database,
         "Attempts by type and outcome since the server started."},
        {"ayb_jobs_wait_seconds", Kind::histogram, Of::database,
         "How long attempts waited from their run_at to their start, by type."},
        {"ayb_jobs_run_seconds", Kind::histogram, Of::database, "How long attempts ran, by type."},
        {"ayb_jobs_workers", Kind::gauge, Of::database, "Workers in the database, by state."},
        {"ayb_jobs_workers_limit", Kind::gauge, Of::database,
         "How many workers there may be: ayb_jobs.worker_concurrency."},
        {"ayb_jobs_limit", Kind::gauge, Of::database,
         "What set_limit() has set for a type: how many run at once, or start in a time."},
        {"ayb_jobs_limit_used", Kind::gauge, Of::database,
         "What of a type's limit is used: jobs that run, or starts that count."},
        {"ayb_jobs_limit_waiting", Kind::gauge, Of::database,
         "Jobs of a limited type that are due and wait; counted as the phases are."},
        {"ayb_jobs_schedule_last_success_timestamp_seconds", Kind::gauge, Of::database,
         "When the last job of an enabled schedule that completed was enqueued."},
        {"ayb_jobs_schedule_failing", Kind::gauge, Of::database,
         "1 where the last job of an enabled schedule has failed."},
        {"ayb_jobs_matview_last_success_timestamp_seconds", Kind::gauge, Of::database,
         "When a registered view was last refreshed well, or found unchanged."},
        {"ayb_jobs_health", Kind::gauge, Of::database,
         "health() by check: 0 ok, 1 warning, 2 error."},
        {"ayb_jobs_database_connections", Kind::gauge, Of::process,
         "Sessions of this process with the database."},
        {"ayb_jobs_database_connections_busy", Kind::gauge, Of::process,
         "Those of them that a request has."},
        {"ayb_jobs_http_requests_total", Kind::counter, Of::process,
         "Requests that this process has answered, by status."},
        {"ayb_jobs_http_request_seconds", Kind::histogram, Of::process,
         "How long this process took to answer them."},
        {"ayb_jobs_http_connections", Kind::gauge, Of::process, "Clients of this process."},
        {"ayb_jobs_http_listeners", Kind::gauge, Of::process,
         "Listeners to events of this process."},
        {"ayb_jobs_realtime_listeners", Kind::gauge, Of::process,
         "Streams of changes that this process serves."},
        {"ayb_jobs_realtime_events_total", Kind::counter, Of::process,
         "Changes that it has sent, each to each client."},
    };
    return all;
}

} // namespace ayb::figures
