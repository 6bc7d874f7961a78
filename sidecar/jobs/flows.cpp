#include "jobs/flows.hpp"

#include "jobs/commands.hpp"

#include <charconv>

namespace ayb::api {

namespace {

constexpr int kDefaultLimit = 50;
constexpr int kMaxLimit = 500;
constexpr std::size_t kMaxJobs = 10000;

std::vector<Field> fields_of_flow() {
    return {{"id", "f.id"},
            {"name", "f.name"},
            {"state", "f.state"},
            {"enqueuedBy", "pg_get_userbyid(f.enqueued_by)"},
            {"createdAt", "f.created_at"},
            {"endedAt", "f.ended_at"},
            {"jobs", "f.jobs"},
            {"waiting", "f.waiting"},
            {"queued", "f.queued"},
            {"running", "f.running"},
            {"completed", "f.completed"},
            {"failed", "f.failed"},
            {"canceled", "f.canceled"}};
}

int limit_of(const http::Query &query) {
    const std::string &text = query["limit"];
    int value = 0;
    const char *last = text.data() + text.size();
    const auto result = std::from_chars(text.data(), last, value);
    if (!text.empty() && (result.ec != std::errc() || result.ptr != last || value < 1))
        throw invalid("limit", "a number from 1 on");
    return text.empty() ? kDefaultLimit : std::min(value, kMaxLimit);
}

// One flow more than asked for tells whether another page follows.
http::Response list_flows(const Call &call) {
    static const std::string sql = guarded(
        "SELECT '{\"items\":[' || coalesce(string_agg(" + object(fields_of_flow()) +
        ", ',' ORDER BY f.id DESC) FILTER (WHERE f.place <= $2::integer), '') || '],\"count\":' ||"
        " least(count(*), $2::integer) || coalesce(',\"nextCursor\":' || to_json(CASE WHEN"
        " count(*) > $2::integer THEN max(f.id::text) FILTER (WHERE f.place = $2::integer) END)"
        "::text, '') || '}' FROM (SELECT o.*, row_number() OVER (ORDER BY o.id DESC) AS place FROM"
        " (SELECT * FROM ayb_jobs.flows AS v WHERE $1::uuid IS NULL OR v.id < $1::uuid"
        " ORDER BY v.id DESC LIMIT $2::integer + 1) AS o) AS f");
    return json_response(*call.database().ask(
        sql, {uuid_of(call.query(), "cursor"), std::to_string(limit_of(call.query()))}));
}

std::string steps_json() {
    return "(SELECT json_agg((" +
           object({{"name", "s.name"},
                   {"jobId", "s.job_id"},
                   {"type", "s.type"},
                   {"state", "s.state"},
                   {"phase", "s.phase"},
                   {"dependsOn", "s.depends_on"},
                   {"runAt", "s.run_at"},
                   {"completedAt", "s.completed_at"},
                   {"lastError", "s.last_error"}}) +
           ")::json ORDER BY s.place) FROM ayb_jobs.flow(f.id) WITH ORDINALITY AS s (name, job_id,"
           " type, state, phase, depends_on, run_at, completed_at, last_error, place))";
}

std::string flow_sql() {
    std::vector<Field> fields = fields_of_flow();
    const std::string steps = steps_json();
    fields.push_back({"steps", steps.c_str()});
    return guarded("SELECT (SELECT " + object(fields) +
                   " FROM ayb_jobs.flows AS f WHERE f.id = $1::uuid)");
}

http::Response get_flow(const Call &call) {
    static const std::string sql = flow_sql();
    return found(call.database().ask(sql, {call.id("flow")}), "flow not found");
}

http::Response change_flow(const Call &call, const char *function) {
    const std::string sql = guarded("SELECT " + object({{"changed", "n.changed"}}) +
                                    " FROM ayb_jobs." + function + "($1::uuid) AS n (changed)");
    return json_response(*call.database().ask(sql, {call.id("flow")}));
}

void check_jobs(const std::string &jobs, bool commands) {
    const std::vector<std::string_view> all = json::elements(jobs);
    if (all.size() > kMaxJobs)
        throw Failure(400, "at most 10000 jobs at once");
    for (const std::string_view item : all) {
        const json::Object job(item);
        require_known(job, {"name", "type", "payload", "runAt", "idempotencyKey", "maxAttempts",
                            "runAs", "delay", "priority", "partitionKey", "dependsOn",
                            "onParentFailure", "options"});
        if (!commands)
            refuse_command(job.text("type").value_or(""));
    }
}

// What a body calls "dependsOn" is "depends_on" to the engine.
http::Response create_flow(const Call &call, bool commands) {
    static const std::string enqueue = guarded(
        "SELECT " + object({{"id", "n.id"}}) +
        " FROM ayb_jobs.enqueue_flow((SELECT coalesce(jsonb_agg((SELECT jsonb_object_agg(lower("
        "regexp_replace(e.key, '([A-Z])', '_\\1', 'g')), e.value) FROM jsonb_each(o.job) AS"
        " e) ORDER BY o.place), '[]') FROM jsonb_array_elements($1::jsonb) WITH ORDINALITY AS o"
        " (job, place)), $2) AS n (id)");
    const json::Object body = call.body();
    require_known(body, {"jobs", "name"});
    const auto given = body.raw("jobs");
    if (!given)
        throw Failure(400, "jobs is required");
    const std::string jobs(*given);
    check_jobs(jobs, commands);
    return json_response(*call.database().make(enqueue, {jobs, body.text("name")}), 201);
}

http::Response list_parents(const Call &call) {
    static const std::string sql =
        guarded(list(object({{"name", "p.name"},
                             {"jobId", "p.job_id"},
                             {"type", "p.type"},
                             {"state", "p.state"},
                             {"result", "p.result"}}),
                     "ayb_jobs.parents($1::uuid) AS p", "p.name, p.job_id"));
    return json_response(*call.database().ask(sql, {call.id("job")}));
}

} // namespace

std::vector<Route> flow_routes(bool allow_commands) {
    return {{"GET", "/api/admin/flows", Access::read, list_flows},
            {"POST", "/api/admin/flows", Access::admin,
             [allow_commands](const Call &call) { return create_flow(call, allow_commands); }},
            {"GET", "/api/admin/flows/{id}", Access::read, get_flow},
            {"POST", "/api/admin/flows/{id}/cancel", Access::operate,
             [](const Call &call) { return change_flow(call, "cancel_flow"); }},
            {"POST", "/api/admin/flows/{id}/retry", Access::operate,
             [](const Call &call) { return change_flow(call, "retry_flow"); }},
            {"GET", "/api/admin/jobs/{id}/parents", Access::read, list_parents}};
}

} // namespace ayb::api
