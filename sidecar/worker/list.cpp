#include "worker/list.hpp"

#include "route/call.hpp"

namespace ayb::worker {

namespace {

constexpr const char *kWorkers = R"sql(
(
    SELECT w.pid, w.worker_id, pg_get_userbyid(w.role) AS role, w.state, w.since, w.job_id, w.type,
           w.attempt, w.job_since, w.percent, w.note, w.is_outside, w.types, w.jobs, w.lease_until,
           w.last_seen_at
    FROM ayb_jobs.workers() AS w
    WHERE w.worker_id IS DISTINCT FROM $1
    UNION ALL
    SELECT NULL, h.worker, CASE h.role WHEN 'none' THEN session_user::text ELSE h.role END, 'waiting', to_timestamp(h.since), NULL, NULL, NULL, NULL, NULL,
           NULL, true, h.types, 0, NULL, clock_timestamp()
    FROM json_to_recordset($2::json) AS h (worker text, role text, types text[], since float8)
) AS w LEFT JOIN pg_stat_activity AS a ON a.pid = w.pid
)sql";

std::string workers_sql() {
    return api::guarded(api::list(api::object({{"pid", "w.pid"},
                                               {"workerId", "w.worker_id"},
                                               {"role", "w.role"},
                                               {"state", "w.state"},
                                               {"since", "w.since"},
                                               {"jobId", "w.job_id"},
                                               {"type", "w.type"},
                                               {"attempt", "w.attempt"},
                                               {"jobSince", "w.job_since"},
                                               {"percent", "w.percent"},
                                               {"note", "w.note"},
                                               {"outside", "w.is_outside"},
                                               {"types", "w.types"},
                                               {"jobs", "w.jobs"},
                                               {"leaseUntil", "w.lease_until"},
                                               {"lastSeenAt", "w.last_seen_at"},
                                               {"waitEventType", "a.wait_event_type"},
                                               {"waitEvent", "a.wait_event"}}),
                                  kWorkers, "w.is_outside, w.pid, w.worker_id, w.since"));
}

} // namespace

http::Response list_workers(const api::Database &database, const std::string &lounge,
                            const std::string &waiting) {
    static const std::string sql = workers_sql();
    return api::json_response(database.ask(sql, {lounge, waiting}).value_or(""));
}

} // namespace ayb::worker
