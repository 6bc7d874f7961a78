#include "jobs/jobs.hpp"

#include "jobs/job_filter.hpp"

#include <algorithm>
#include <charconv>

namespace ayb::api {

namespace {

constexpr const char *kNotFound = "job not found";
constexpr int kDefaultLimit = 50;
constexpr int kMaxLimit = 500;
constexpr long long kMaxOffset = 100000; // they are all walked over
constexpr std::string_view kJobStates[] = {"queued", "running", "completed", "failed", "canceled"};
// The job of a refresh completes however it went, and has that in its result.
constexpr const char *kRefreshOutcome =
    "CASE WHEN j.type = 'materialized_view_refresh' THEN j.result ->> 'status' END";

constexpr Field kPayloadText = {"payloadText", "CASE WHEN pg_column_size(j.payload) <= 65536"
                                               " THEN left(j.payload::text, 200) END"};

// As the contract has it: 0 where it is no number, or one below 0. `beyond` is what is too large.
long long number(const std::string &text, long long beyond) {
    long long value = 0;
    const char *last = text.data() + text.size();
    const auto result = std::from_chars(text.data(), last, value);
    if (result.ptr != last || text.empty() || text.front() == '-')
        return 0;
    return result.ec == std::errc() ? value : beyond;
}

// With those of its columns that may be long.
std::string fields_of_job(std::initializer_list<Field> long_ones) {
    std::vector<Field> fields = {
        {"id", "j.id"},
        {"type", "j.type"},
        {"state", "j.state"},
        {"phase", "j.phase"},
        {"runAt", "j.run_at"},
        {"leaseUntil", "j.lease_until"},
        {"workerId", "CASE WHEN j.state <> 'completed' THEN j.worker_id END"},
        {"attempts", "j.attempts"},
        {"maxAttempts", "j.max_attempts"},
        {"runs", "j.runs"},
        {"priority", "j.priority"},
        {"lastRunAt", "j.last_run_at"},
        {"idempotencyKey", "j.idempotency_key"},
        {"partitionKey", "j.partition_key"},
        {"uniqueKey", "j.unique_key"},
        {"expiresAt", "j.expires_at"},
        {"flow", "j.flow"},
        {"scheduleId", "j.schedule_id"},
        {"createdAt", "j.created_at"},
        {"updatedAt", "j.updated_at"},
        {"completedAt", "j.completed_at"},
        {"canceledAt", "j.canceled_at"},
        {"runAs", "pg_get_userbyid(j.run_as)"},
        {"enqueuedBy", "pg_get_userbyid(j.enqueued_by)"},
        {"scheduledAt", "j.scheduled_at"},
        {"waitsFor", "j.waits_for"},
        {"outcome", kRefreshOutcome},
        {"progress", "j.progress"}};
    fields.insert(fields.end(), long_ones);
    return object(fields);
}

const std::string &state_of(const http::Query &query) {
    const std::string &state = query["state"];
    if (!state.empty() &&
        std::find(std::begin(kJobStates), std::end(kJobStates), state) == std::end(kJobStates))
        throw Failure(400, "invalid state filter; must be one of: queued, running, completed, "
                           "failed, canceled");
    return state;
}

// $8 is the size of a page, $9 how many to leave out before it. A page is put in order by
// created_at, and one job more than asked for tells whether another page follows.
std::string list_statement(const std::string &item) {
    const std::string arguments = kFindArguments;
    return guarded("SELECT '{\"items\":[' || coalesce(string_agg(" + item +
                   ", ',' ORDER BY j.created_at DESC, j.id DESC)"
                   " FILTER (WHERE j.ordinality <= $8::integer), '') || '],\"count\":' ||"
                   " least(count(*), $8::integer) || coalesce(',\"nextCursor\":' || to_json("
                   "CASE WHEN count(*) > $8::integer"
                   " THEN max(j.id::text) FILTER (WHERE j.ordinality = $8::integer)"
                   " ELSE ayb_jobs_internal.search_stop(" +
                   arguments +
                   ")::text END)::text, '') || '}'"
                   " FROM ayb_jobs.find_jobs(" +
                   arguments +
                   ", max_jobs => $8::integer + 1, skip => $9::integer) WITH ORDINALITY AS j");
}

http::Response list_jobs(const Call &call) {
    static const std::string whole = list_statement(job_json());
    static const std::string brief = list_statement(brief_job_json());
    const http::Query &query = call.query();
    db::Parameters parameters = find_filter(query, state_of(query));
    const long long asked = number(query["limit"], 0);
    const long long offset = number(query["offset"], kMaxOffset + 1);
    if (offset > kMaxOffset)
        throw invalid("offset", "at most 100000: pages further on have a cursor");
    parameters.emplace_back(
        std::to_string(asked == 0 ? kDefaultLimit : std::min<long long>(asked, kMaxLimit)));
    parameters.emplace_back(std::to_string(offset));
    return json_response(*call.database().ask(flag_of(query, "brief") ? brief : whole, parameters));
}

http::Response count_jobs(const Call &call) {
    static const std::string sql = guarded(
        std::string("SELECT '{' || string_agg(to_json(c.state) || ':' || c.jobs, ',')"
                    " || ',\"atLeast\":' || coalesce(json_agg(c.state) FILTER (WHERE c.more), '[]')"
                    " || '}' FROM ayb_jobs.count_jobs(") +
        kCountArguments + ") AS c");
    return json_response(*call.database().ask(sql, count_filter(call.query())));
}

// From one type to the next along the indexes, whatever lies between.
http::Response list_types(const Call &call) {
    static const std::string sql = guarded(
        "WITH RECURSIVE known (type) AS ((SELECT j.type FROM ayb_jobs.jobs AS j ORDER BY j.type"
        " LIMIT 1) UNION ALL SELECT (SELECT j.type FROM ayb_jobs.jobs AS j WHERE j.type > k.type"
        " ORDER BY j.type LIMIT 1) FROM known AS k WHERE k.type IS NOT NULL)"
        " SELECT '{\"items\":' || coalesce(json_agg(k.type), '[]') || ',\"count\":' || count(*)"
        " || '}' FROM (SELECT type FROM known WHERE type IS NOT NULL LIMIT 500) AS k");
    return json_response(*call.database().ask(sql));
}

// With "phases" also how many of the queued jobs are in each; without it those are NULL, and left
// out.
http::Response job_stats(const Call &call) {
    static const std::string sql = guarded(stats_statement());
    const bool phases = flag_of(call.query(), "phases");
    return json_response(*call.database().ask(sql, {phases ? "true" : "false"}));
}

// What there is of a job; NULL where there is no such job.
std::string of_known_job(const std::string &statement) {
    return guarded("SELECT CASE WHEN EXISTS (SELECT FROM ayb_jobs.jobs AS j WHERE j.id = $1::uuid)"
                   " THEN (" +
                   statement + ") END");
}

http::Response job_runs(const Call &call) {
    // What still runs has taken its time so far.
    static const std::string item =
        object({{"attempt", "a.attempt"},
                {"status", "a.status"},
                {"startedAt", "a.started_at"},
                {"finishedAt", "a.finished_at"},
                {"durationMs", "round(coalesce(a.duration_ms, 1000 * extract(epoch FROM"
                               " clock_timestamp() - a.started_at)))::bigint"},
                {"workerId", "a.worker_id"},
                {"error", "a.error"},
                {"sqlstate", "a.sqlstate"},
                {"hint", "a.hint"},
                {"context", "a.context"}});
    static const std::string sql =
        of_known_job(list(item, "ayb_jobs.attempts($1::uuid) AS a", "a.attempt"));
    return found(call.database().ask(sql, {call.id("job")}), kNotFound);
}

http::Response job_log(const Call &call) {
    static const std::string item = object(
        {{"attempt", "a.attempt"}, {"at", "l.at"}, {"level", "l.level"}, {"message", "l.message"}});
    static const std::string sql = of_known_job(
        list(item,
             "ayb_jobs.attempts($1::uuid) AS a CROSS JOIN LATERAL ROWS FROM"
             " (jsonb_to_recordset(a.log) AS (at timestamptz, level text, message text))"
             " WITH ORDINALITY AS l (at, level, message, number)",
             "a.attempt, l.number"));
    return found(call.database().ask(sql, {call.id("job")}), kNotFound);
}

http::Response job_actions(const Call &call) {
    static const std::string item = object({{"at", "a.at"},
                                            {"action", "a.action"},
                                            {"doneBy", "pg_get_userbyid(a.done_by)"},
                                            {"actor", "a.actor"}});
    static const std::string sql =
        of_known_job(list(item,
                          "ayb_jobs.actions($1::uuid) WITH ORDINALITY AS a"
                          " (at, action, done_by, actor, number)",
                          "a.number"));
    return found(call.database().ask(sql, {call.id("job")}), kNotFound);
}

} // namespace

std::string job_json() {
    static const std::string json = fields_of_job({{"payload", "j.payload"},
                                                   {"lastError", "j.last_error"},
                                                   {"result", "j.result"},
                                                   {"meta", "j.meta"}});
    return json;
}

std::string brief_job_json() {
    static const std::string json =
        fields_of_job({kPayloadText, {"lastError", "left(j.last_error, 300)"}});
    return json;
}

std::string schedule_run_json() {
    static const std::string json = fields_of_job({kPayloadText,
                                                   {"lastError", "left(j.last_error, 300)"},
                                                   {"durationMs", "r.duration_ms"},
                                                   {"error", "left(r.error, 300)"}});
    return json;
}

std::string stats_statement() {
    return "SELECT " +
           object({{"queued", "s.queued"},
                   {"running", "s.running"},
                   {"completed", "s.completed"},
                   {"failed", "s.failed"},
                   {"canceled", "s.canceled"},
                   {"oldestQueuedAgeSec", "CASE WHEN s.oldest_due_seconds IS NOT NULL"
                                          " THEN greatest(s.oldest_due_seconds, 0) END"},
                   {"due", "s.due"},
                   {"external", "s.external"},
                   {"waiting", "s.waiting"},
                   {"scheduled", "s.scheduled"},
                   {"retrying", "s.retrying"}}) +
           " FROM ayb_jobs.stats($1::boolean) AS s";
}

std::vector<Route> job_routes() {
    return {{"GET", "/api/admin/jobs", Access::read, list_jobs},
            {"GET", "/api/admin/jobs/stats", Access::read, job_stats},
            {"GET", "/api/admin/jobs/counts", Access::read, count_jobs},
            {"GET", "/api/admin/jobs/types", Access::read, list_types},
            {"GET", "/api/admin/jobs/{id}/runs", Access::read, job_runs},
            {"GET", "/api/admin/jobs/{id}/log", Access::read, job_log},
            {"GET", "/api/admin/jobs/{id}/actions", Access::read, job_actions}};
}

} // namespace ayb::api
