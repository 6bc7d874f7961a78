#include "api/jobs.hpp"

#include <algorithm>
#include <charconv>

namespace ayb::api {

namespace {

constexpr const char *kNotFound = "job not found";
constexpr int kDefaultLimit = 50;
constexpr int kMaxLimit = 500;
constexpr std::string_view kStates[] = {"queued", "running", "completed", "failed", "canceled"};

// 0 where it is no number, or one below 0.
long long number(const std::string &text) {
    long long value = 0;
    const char *last = text.data() + text.size();
    const auto result = std::from_chars(text.data(), last, value);
    return result.ec == std::errc() && result.ptr == last ? std::max(value, 0LL) : 0;
}

// The WHERE of a list, put together from what was asked for, so that each has a plan of its own.
class Filter {
  public:
    void add(const std::string &condition, const std::string &value) {
        if (value.empty())
            return;
        parameters.emplace_back(value);
        std::string filled = condition;
        const std::string number = "$" + std::to_string(parameters.size());
        for (std::size_t at; (at = filled.find("$?")) != std::string::npos;)
            filled.replace(at, 2, number);
        where += (where.empty() ? " WHERE " : " AND ") + filled;
    }

    std::string where;
    db::Parameters parameters;
};

Filter read_filter(const http::Query &query) {
    const std::string &state = query["state"];
    if (!state.empty() &&
        std::find(std::begin(kStates), std::end(kStates), state) == std::end(kStates))
        throw Failure(400, "invalid state filter; must be one of: queued, running, completed, "
                           "failed, canceled");
    Filter filter;
    filter.add("j.state = $?", state);
    filter.add("j.type = $?", query["type"]);
    filter.add("j.created_at >= $?::timestamptz", query["since"]);
    filter.add("j.created_at < $?::timestamptz", query["until"]);
    filter.add("j.id < $?::uuid", query["cursor"]);
    filter.add("(j.id::text = lower($?) OR strpos(lower(j.last_error), lower($?)) > 0)",
               query["q"]);
    return filter;
}

// Ids sort by the time at which they were made: so the newest are read from the end of an index,
// and only those of the page are put in order by created_at. One more than asked for tells whether
// another page follows.
std::string list_statement(const std::string &where, long long limit, long long offset) {
    const std::string size = std::to_string(limit);
    return "SELECT '{\"items\":[' || coalesce(string_agg(" + job_json() +
           ", ',' ORDER BY j.created_at DESC, j.id DESC) FILTER (WHERE j.number <= " + size +
           "), '') || '],\"count\":' || least(count(*), " + size + ") || CASE WHEN count(*) > " +
           size +
           " THEN ',\"nextCursor\":' || to_json(max(j.id::text) FILTER (WHERE j.number = " + size +
           ")) ELSE '' END || '}' FROM (SELECT p.*, row_number() OVER (ORDER BY p.id DESC) AS "
           "number"
           " FROM (SELECT j.* FROM ayb_jobs.jobs AS j" +
           where + " ORDER BY j.id DESC LIMIT " + std::to_string(limit + 1) + " OFFSET " +
           std::to_string(offset) + ") AS p) AS j";
}

http::Response list_jobs(const Call &call) {
    const Filter filter = read_filter(call.query());
    const long long asked = number(call.query()["limit"]);
    const long long limit = asked == 0 ? kDefaultLimit : std::min<long long>(asked, kMaxLimit);
    const long long offset = number(call.query()["offset"]);
    const std::string sql = guarded(list_statement(filter.where, limit, offset));
    return json_response(*call.database().ask(sql, filter.parameters,
                                              {{"22P02", 400, "invalid cursor"},
                                               {"22007", 400, "invalid time"},
                                               {"22008", 400, "invalid time"}},
                                              Database::Keep::once));
}

http::Response get_job(const Call &call) {
    static const std::string sql =
        guarded("SELECT (SELECT " + job_json() + " FROM ayb_jobs.jobs AS j WHERE j.id = $1::uuid)");
    return found(call.database().ask(sql, {call.id("job")}), kNotFound);
}

http::Response job_stats(const Call &call) {
    static const std::string sql =
        guarded("SELECT " +
                object({{"queued", "s.queued"},
                        {"running", "s.running"},
                        {"completed", "s.completed"},
                        {"failed", "s.failed"},
                        {"canceled", "s.canceled"},
                        {"oldestQueuedAgeSec", "CASE WHEN s.oldest_due_seconds IS NOT NULL"
                                               " THEN greatest(s.oldest_due_seconds, 0) END"}}) +
                " FROM ayb_jobs.stats() AS s");
    return json_response(*call.database().ask(sql));
}

http::Response job_runs(const Call &call) {
    static const std::string item = object({{"attempt", "a.attempt"},
                                            {"status", "a.status"},
                                            {"startedAt", "a.started_at"},
                                            {"finishedAt", "a.finished_at"},
                                            {"durationMs", "a.duration_ms"},
                                            {"workerId", "a.worker_id"},
                                            {"error", "a.error"},
                                            {"sqlstate", "a.sqlstate"}});
    static const std::string sql = guarded(
        "SELECT CASE WHEN EXISTS (SELECT FROM ayb_jobs.jobs AS j WHERE j.id = $1::uuid)"
        " THEN (" +
        list(item, "ayb_jobs.attempts($1::uuid) AS a", "a.started_at, a.attempt") + ") END");
    return found(call.database().ask(sql, {call.id("job")}), kNotFound);
}

} // namespace

std::string job_json() {
    return object({{"id", "j.id"},
                   {"type", "j.type"},
                   {"payload", "j.payload"},
                   {"state", "j.state"},
                   {"runAt", "j.run_at"},
                   {"leaseUntil", "j.lease_until"},
                   {"workerId", "j.worker_id"},
                   {"attempts", "j.attempts"},
                   {"maxAttempts", "j.max_attempts"},
                   {"lastError", "j.last_error"},
                   {"lastRunAt", "j.last_run_at"},
                   {"idempotencyKey", "j.idempotency_key"},
                   {"scheduleId", "j.schedule_id"},
                   {"createdAt", "j.created_at"},
                   {"updatedAt", "j.updated_at"},
                   {"completedAt", "j.completed_at"},
                   {"canceledAt", "j.canceled_at"},
                   {"runAs", "pg_get_userbyid(j.run_as)"},
                   {"result", "j.result"},
                   {"scheduledAt", "j.scheduled_at"},
                   {"progress", "j.progress"}});
}

std::vector<Route> job_routes() {
    return {{"GET", "/api/admin/jobs", Access::admin, list_jobs},
            {"GET", "/api/admin/jobs/stats", Access::admin, job_stats},
            {"GET", "/api/admin/jobs/{id}", Access::admin, get_job},
            {"GET", "/api/admin/jobs/{id}/runs", Access::admin, job_runs}};
}

} // namespace ayb::api
