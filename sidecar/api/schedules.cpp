#include "api/schedules.hpp"

#include "jobs/commands.hpp"
#include "jobs/jobs.hpp"

#include <algorithm>

namespace ayb::api {

namespace {

constexpr const char *kNotFound = "schedule not found";
constexpr std::ptrdiff_t kMaxCharacters = 100;

// What came of its last job that has ended; NULL where none has.
constexpr const char *kLastRun =
    "(SELECT json_strip_nulls(json_build_object('jobId', o.last_job, 'outcome', o.last_outcome,"
    " 'error', left(o.last_job_error, 300), 'failures', o.failures,"
    " 'lastSuccessAt', o.last_success_at, 'durationMs', (SELECT extract(epoch FROM"
    " coalesce(j.completed_at, j.updated_at) - j.last_run_at) * 1000 FROM ayb_jobs.jobs AS j"
    " WHERE j.id = o.last_job AND j.state <> 'canceled')))"
    " FROM ayb_jobs_internal.schedule_outcome(s) AS o WHERE o.last_job IS NOT NULL)";

// A schedule of `s`, a row of ayb_jobs.schedules.
const std::string &schedule_json() {
    static const std::string json =
        object({{"id", "s.id"},
                {"name", "s.name"},
                {"jobType", "s.job_type"},
                {"payload", "s.payload"},
                {"cronExpr", "s.cron_expr"},
                {"timezone", "s.timezone"},
                {"enabled", "s.enabled"},
                {"maxAttempts", "s.max_attempts"},
                {"nextRunAt", "s.next_run_at"},
                {"lastRunAt", "s.last_run_at"},
                {"createdAt", "s.created_at"},
                {"updatedAt", "s.updated_at"},
                {"overlap", "s.overlap"},
                {"missed", "s.missed"},
                {"runAs", "pg_get_userbyid(s.run_as)"},
                {"lastSkip", "s.last_skip"},
                {"lastError", "s.last_error"},
                {"lastRun", kLastRun},
                {"description", "ayb_jobs_internal.describe_rule(s.cron_expr,"
                                " s.timezone)"}});
    return json;
}

std::string from_function(const std::string &call) {
    return guarded("SELECT " + schedule_json() + " FROM ayb_jobs." + call + " AS s");
}

void require_name(const std::string &value, const char *what) {
    if (value.empty())
        throw Failure(400, std::string(what) + " is required");
    const auto characters = std::count_if(value.begin(), value.end(), [](char c) {
        return (static_cast<unsigned char>(c) & 0xC0) != 0x80;
    });
    if (characters > kMaxCharacters)
        throw Failure(400, std::string(what) + " must be at most 100 characters");
}

// Absent, null and empty are the same: the default, or what it was.
db::Parameter text(const json::Object &body, const char *key) {
    const auto value = body.text(key);
    return value && !value->empty() ? value : std::nullopt;
}

// 0 and below are the same as nothing.
db::Parameter positive(const json::Object &body, const char *key) {
    const auto value = body.integer(key);
    return value && *value > 0 ? db::Parameter(std::to_string(*value)) : std::nullopt;
}

db::Parameter flag(const json::Object &body, const char *key) {
    const auto value = body.boolean(key);
    if (!value)
        return std::nullopt;
    return *value ? "true" : "false";
}

// An explicit null is a payload, too.
db::Parameter payload(const json::Object &body) {
    const auto raw = body.raw("payload");
    return raw ? db::Parameter(std::string(*raw)) : std::nullopt;
}

// What creating and updating both take, in the order of their parameters, behind `first`.
db::Parameters with_options(db::Parameters first, const json::Object &body) {
    for (db::Parameter option :
         {text(body, "timezone"), payload(body), flag(body, "enabled"),
          positive(body, "maxAttempts"), text(body, "overlap"), text(body, "missed")})
        first.push_back(std::move(option));
    return first;
}

http::Response list_schedules(const Call &call) {
    static const std::string sql =
        guarded(list(schedule_json(), "ayb_jobs.schedules AS s", "s.name"));
    return json_response(*call.database().ask(sql));
}

http::Response get_schedule(const Call &call) {
    static const std::string sql = guarded("SELECT (SELECT " + schedule_json() +
                                           " FROM ayb_jobs.schedules AS s WHERE s.id = $1::uuid)");
    return found(call.database().ask(sql, {call.id("schedule")}), kNotFound);
}

http::Response create_schedule(const Call &call, bool commands) {
    static const std::string sql = from_function(
        "create_schedule(name => $1, job_type => $2, cron_expr => $3,"
        " timezone => coalesce($4, 'UTC'), payload => coalesce($5::jsonb, '{}'),"
        " enabled => coalesce($6::boolean, true), max_attempts => coalesce($7::integer, 3),"
        " overlap => coalesce($8, 'skip'), missed => coalesce($9, 'once'))");
    const json::Object body = call.body();
    const std::string name = body.text("name").value_or("");
    const std::string type = body.text("jobType").value_or("");
    const std::string cron = body.text("cronExpr").value_or("");
    const db::Parameters parameters = with_options({name, type, cron}, body);
    require_name(name, "name");
    require_name(type, "jobType");
    if (cron.empty())
        throw Failure(400, "cronExpr is required");
    if (!commands)
        refuse_command(type);
    return json_response(*call.database().make(sql, parameters), 201);
}

// What runs as another role is that role's to say: so the payload is changed as it, where the
// session's own role may become it.
http::Response update_schedule(const Call &call, bool commands) {
    static const std::string become_sql =
        "SELECT set_config('role', pg_get_userbyid(s.run_as), true)"
        " FROM ayb_jobs.schedules AS s WHERE s.id = $1::uuid";
    static const std::string type_sql =
        "SELECT (SELECT s.job_type FROM ayb_jobs.schedules AS s WHERE s.id = $1::uuid)";
    static const std::string sql = from_function(
        "update_schedule(id => $1::uuid, cron_expr => $2, timezone => $3, payload => $4::jsonb,"
        " enabled => $5::boolean, max_attempts => $6::integer, overlap => $7, missed => $8,"
        " keep_next_run_at => true)");
    const std::string &id = call.id("schedule");
    const json::Object body = call.body();
    const db::Parameters parameters = with_options({id, text(body, "cronExpr")}, body);
    const db::Parameters its = {id};
    if (!body.raw("payload"))
        return json_response(*call.database().ask(sql, parameters));
    if (!commands)
        refuse_command(call.database().ask(type_sql, its).value_or(""));
    const db::Result changed =
        std::move(call.database().run({{become_sql, its}, {sql, parameters}}).back());
    if (changed.rows() == 0)
        throw Failure(503, kNotEnabled);
    return json_response(changed.at(0, 0).value_or("{}"));
}

http::Response delete_schedule(const Call &call) {
    static const std::string sql = guarded("SELECT ayb_jobs.delete_schedule($1::uuid)::text");
    call.database().ask(sql, {call.id("schedule")});
    return no_content();
}

http::Response enable_schedule(const Call &call) {
    static const std::string sql = from_function("enable_schedule($1::uuid)");
    return json_response(*call.database().ask(sql, {call.id("schedule")}));
}

http::Response disable_schedule(const Call &call) {
    static const std::string sql = from_function("disable_schedule($1::uuid)");
    return json_response(*call.database().ask(sql, {call.id("schedule")}));
}

http::Response run_schedule(const Call &call) {
    static const std::string sql =
        guarded("SELECT " + job_json() + " FROM ayb_jobs.run_schedule_now($1::uuid) AS j");
    return json_response(*call.database().ask(sql, {call.id("schedule")}), 201);
}

http::Response schedule_runs(const Call &call) {
    static const std::string sql =
        guarded(list(schedule_run_json(),
                     "ayb_jobs.schedule_runs($1::uuid) AS r JOIN ayb_jobs.jobs AS j"
                     " ON j.id = r.job_id",
                     "j.id DESC"));
    return json_response(*call.database().ask(sql, {call.id("schedule")}));
}

http::Response preview(const Call &call) {
    static const std::string sql = guarded(
        "SELECT '{\"description\":' || to_json(ayb_jobs.cron_describe($1, coalesce($2, 'UTC')))"
        " || ',\"items\":' || coalesce(json_agg(p.at), '[]')::text || ',\"localTimes\":' ||"
        " coalesce(json_agg(p.at AT TIME ZONE coalesce($2, 'UTC')), '[]')::text || ',\"count\":' ||"
        " count(*) || '}' FROM ayb_jobs.cron_preview($1, coalesce($2, 'UTC'), "
        "coalesce($3::integer, 5))"
        " AS p (at)");
    const json::Object body = call.body();
    require_known(body, {"cronExpr", "timezone", "count"});
    const db::Parameter cron = text(body, "cronExpr");
    const db::Parameter zone = text(body, "timezone");
    const db::Parameter count = positive(body, "count");
    if (!cron)
        throw Failure(400, "cronExpr is required");
    return json_response(*call.database().ask(sql, {cron, zone, count}));
}

} // namespace

std::vector<Route> schedule_routes(bool commands) {
    return {{"GET", "/api/admin/schedules", Access::read, list_schedules},
            {"POST", "/api/admin/schedules", Access::admin,
             [commands](const Call &call) { return create_schedule(call, commands); }},
            {"POST", "/api/admin/schedules/preview", Access::read, preview},
            {"GET", "/api/admin/schedules/{id}", Access::read, get_schedule},
            {"PUT", "/api/admin/schedules/{id}", Access::admin,
             [commands](const Call &call) { return update_schedule(call, commands); }},
            {"DELETE", "/api/admin/schedules/{id}", Access::admin, delete_schedule},
            {"POST", "/api/admin/schedules/{id}/enable", Access::admin, enable_schedule},
            {"POST", "/api/admin/schedules/{id}/disable", Access::admin, disable_schedule},
            {"POST", "/api/admin/schedules/{id}/run", Access::operate, run_schedule},
            {"GET", "/api/admin/schedules/{id}/runs", Access::read, schedule_runs}};
}

} // namespace ayb::api
