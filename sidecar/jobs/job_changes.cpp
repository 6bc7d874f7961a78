// POST /api/admin/jobs and below.
#include "jobs/commands.hpp"
#include "jobs/job_filter.hpp"
#include "jobs/jobs.hpp"
#include "route/refusals.hpp"

namespace ayb::api {

namespace {

constexpr std::size_t kMaxIds = 1000;

db::Parameter as_text(const std::optional<long long> &value) {
    return value ? db::Parameter(std::to_string(*value)) : std::nullopt;
}

constexpr std::size_t kMaxJobs = 10000;

db::Parameter raw_of(const json::Object &body, const char *key) {
    const auto raw = body.raw(key);
    return raw && *raw != "null" ? db::Parameter(std::string(*raw)) : std::nullopt;
}

// What enqueue() takes as its options: those of `options`, and what members of their own say, which
// count. Each is an expression.
std::string options_sql(const std::string &options, const std::string &expires_at,
                        const std::string &meta) {
    const auto member = [](const char *name, const std::string &value) {
        return " || CASE WHEN " + value + " IS NULL THEN '{}' ELSE jsonb_build_object('" + name +
               "', " + value + ") END";
    };
    return "coalesce(" + options + ", '{}')" + member("expires_at", expires_at) +
           member("meta", meta);
}

// The arguments of enqueue(), as one job's object has them.
db::Parameters order_of(const json::Object &body, bool commands) {
    require_known(body, {"type", "payload", "runAt", "idempotencyKey", "maxAttempts", "runAs",
                         "priority", "partitionKey", "uniqueKey", "options", "expiresAt", "meta"});
    const std::string type = body.text("type").value_or("");
    if (!commands)
        refuse_command(type);
    return {type,
            std::string(body.raw("payload").value_or("{}")),
            time_of(body, "runAt"),
            body.text("idempotencyKey"),
            as_text(body.integer("maxAttempts")),
            body.text("runAs"),
            as_text(body.integer("priority")),
            body.text("partitionKey"),
            body.text("uniqueKey"),
            raw_of(body, "options"),
            time_of(body, "expiresAt"),
            raw_of(body, "meta")};
}

// One round trip: the first statement leaves the id of a new job to the second. Such a job is in
// the queue, nobody works at it yet, and it has none of what is costly to know.
http::Response create_job(const Call &call, bool commands) {
    static const std::string enqueue_sql =
        guarded("SELECT CASE WHEN set_config('ayb_jobs_sidecar.id',"
                " CASE WHEN e.is_new THEN e.id::text ELSE '' END, true) IS NOT NULL THEN e.id END"
                " FROM ayb_jobs.enqueue_or_find(type => $1,"
                " payload => $2::jsonb, run_at => $3::timestamptz, idempotency_key => $4,"
                " max_attempts => $5::integer, run_as => $6::name, priority => $7::integer,"
                " partition_key => $8, unique_key => $9, options => " +
                options_sql("$10::jsonb", "$11::text", "$12::jsonb") + ") AS e");
    static const std::string read_sql =
        "SELECT " + job_json() +
        " FROM (SELECT q.id, q.type, q.payload, q.state, q.run_at, q.lease_until, q.worker_id,"
        " q.attempts, q.max_attempts, q.runs, q.priority, q.last_error, q.last_run_at,"
        " q.idempotency_key, q.partition_key, q.unique_key, q.flow, q.schedule_id, q.created_at,"
        " q.updated_at, q.canceled_at, q.run_as, q.enqueued_by, q.scheduled_at, q.meta, "
        "q.expires_at,"
        " coalesce(q.waits_for, ayb_jobs_internal.taken_by(q.type)) AS waits_for,"
        " ayb_jobs_internal.phase(q.id, q.state, q.waits_for, q.run_at, q.runs, q.type,"
        " q.run_as, q.partition_key) AS phase,"
        " NULL::timestamptz AS completed_at, NULL::jsonb AS result, NULL::jsonb AS progress FROM "
        "ayb_jobs.job_queue AS q WHERE q.id ="
        " nullif(current_setting('ayb_jobs_sidecar.id', true), '')::uuid) AS j";
    static const std::string known_sql =
        guarded("SELECT (SELECT " + job_json() + " FROM ayb_jobs.jobs AS j WHERE j.id = $1::uuid)");
    const db::Parameters order = order_of(call.body(), commands);
    const std::vector<db::Result> results =
        call.database().make_and_run({enqueue_sql, order}, {{read_sql, {}}});
    if (results[0].rows() == 0)
        throw Failure(503, kNotEnabled);
    if (results[1].rows() > 0)
        return json_response(results[1].at(0, 0).value(), 201);
    const std::optional<std::string> id = results[0].at(0, 0);
    return found(call.database().ask(known_sql, {id}), "job not found"); // the key was taken
}

// All or none, in one statement.
http::Response create_jobs(const Call &call, bool commands) {
    static const std::string sql = guarded(
        "SELECT '{\"ids\":' || coalesce(json_agg(e.id ORDER BY e.number), '[]') || ',\"count\":' "
        "|| count(*) || '}' "
        "FROM"
        " (SELECT o.number, ayb_jobs.enqueue(type => coalesce(o.job ->> 'type', ''),"
        " payload => coalesce(o.job -> 'payload', '{}'),"
        " run_at => (o.job ->> 'runAt')::timestamptz, idempotency_key => o.job ->> "
        "'idempotencyKey',"
        " max_attempts => (o.job ->> 'maxAttempts')::integer, run_as => (o.job ->> 'runAs')::name,"
        " priority => (o.job ->> 'priority')::integer, partition_key => o.job ->> 'partitionKey',"
        " unique_key => o.job ->> 'uniqueKey', options => " +
        options_sql("nullif(o.job -> 'options', 'null')", "(o.job ->> 'expiresAt')",
                    "nullif(o.job -> 'meta', 'null')") +
        ")"
        " AS id FROM jsonb_array_elements($1::jsonb) WITH ORDINALITY AS o (job, number)"
        " ORDER BY o.job ->> 'uniqueKey' COLLATE \"C\" NULLS FIRST, o.job ->> 'type' COLLATE \"C\","
        " o.number) AS e");
    const json::Object body = call.body();
    require_known(body, {"jobs"});
    const auto given = body.raw("jobs");
    if (!given)
        throw Failure(400, "jobs is required");
    const std::string jobs(*given);
    const std::vector<std::string_view> all = json::elements(jobs);
    if (all.size() > kMaxJobs)
        throw Failure(400, "at most 10000 jobs at once");
    for (const std::string_view job : all)
        order_of(json::Object(job), commands);
    return json_response(*call.database().make(sql, {jobs}), 201);
}

http::Response change_job(const Call &call, const std::string &function,
                          const db::Parameters &parameters) {
    const std::string sql =
        guarded("SELECT " + job_json() + " FROM ayb_jobs." + function + " AS j");
    return json_response(*call.database().ask(sql, parameters));
}

http::Response change_job(const Call &call, const char *function) {
    return change_job(call, function, {call.id("job")});
}

http::Response retry_job(const Call &call) { return change_job(call, "retry_now($1::uuid)"); }

http::Response cancel_job(const Call &call) {
    if (!flag_of(call.query(), "force"))
        return change_job(call, "cancel($1::uuid)");
    try {
        return change_job(call, "cancel($1::uuid, true)");
    } catch (const db::Error &error) {
        throw refusal(error, "POST /api/admin/jobs/{id}/cancel?force=true", call);
    }
}

http::Response run_job(const Call &call) { return change_job(call, "run_now($1::uuid)"); }

// When it is due, its priority, or both: in one statement, so that neither is done alone.
http::Response update_job(const Call &call) {
    constexpr const char *kDue = "reschedule($1::uuid, $2::timestamptz, $3::interval)";
    const json::Object body = call.body();
    require_known(body, {"runAt", "delay", "priority"});
    const db::Parameter priority = as_text(body.integer("priority"));
    db::Parameters due = {call.id("job"), time_of(body, "runAt"), body.text("delay")};
    if (!due[1] && !due[2]) {
        if (!priority)
            throw Failure(400, "runAt, delay or priority is required");
        return change_job(call, "set_priority($1::uuid, $2::integer)", {due[0], priority});
    }
    if (!priority)
        return change_job(call, kDue, due);
    due.push_back(priority);
    return change_job(call, std::string(kDue) + " AS r, ayb_jobs.set_priority(r.id, $4::integer)",
                      due);
}

// 204 where nothing else holds the payload.
http::Response delete_job(const Call &call) {
    static const std::string sql =
        guarded("SELECT CASE WHEN n.holders <> '{}' THEN " + object({{"holders", "n.holders"}}) +
                " END FROM ayb_jobs.delete_job($1::uuid) AS n (holders)");
    const auto holders = call.database().ask(sql, {call.id("job")});
    return holders ? json_response(*holders) : no_content();
}

struct Verb {
    const char *many;     // the function of ids
    const char *matching; // the function of type, since and until
    const char *of;       // the state in which a search looks for jobs; "" for any
    bool names_holders;   // it answers what still holds a payload, beside how many it changed
};
constexpr Verb kRetry = {"retry_many", "retry_matching", "failed", false};
constexpr Verb kCancel = {"cancel_many", "cancel_matching", "queued", false};
constexpr Verb kRun = {"run_now_many", "run_now_matching", "", false};
constexpr Verb kDelete = {"delete_jobs", "delete_matching", "", true};

// `next` is where a search stopped.
http::Response answer_changed(const Call &call, const Verb &verb, const std::string &function,
                              const db::Parameters &parameters, const char *next = "NULL::text") {
    const char *holders = verb.names_holders ? "nullif(n.holders, '{}')" : "NULL::text[]";
    const std::string sql = guarded(
        "SELECT " + object({{"changed", "n.changed"}, {"holders", holders}, {"nextCursor", next}}) +
        " FROM ayb_jobs." + function +
        (verb.names_holders ? " AS n (changed, holders)" : " AS n (changed)"));
    return json_response(*call.database().ask(sql, parameters));
}

// All or none: an id that is no id refuses them all. One in another state is left as it is.
http::Response change_ids(const Call &call, std::string_view ids, const Verb &verb) {
    const std::vector<std::string_view> all = json::elements(ids);
    if (all.size() > kMaxIds)
        throw Failure(400, "at most 1000 ids at once");
    std::string array = "{";
    for (const std::string_view id : all) {
        const std::string text = json::unquote(id);
        if (!is_uuid(text))
            throw Failure(400, "invalid job id format");
        array += (array.size() == 1 ? "" : ",") + text;
    }
    return answer_changed(call, verb, verb.many + std::string("($1::uuid[])"), {array + "}"});
}

// What a list with the same filter finds, as far as one look goes.
http::Response change_found(const Call &call, const json::Object &body, const Verb &verb) {
    std::string words;
    for (const char *key : {"type", "since", "until", "phase", "q", "cursor"})
        words += std::string("&") + key + "=" + http::encode(body.text(key).value_or(""));
    const http::Query query(words);
    const std::string arguments = kFindArguments;
    const std::string stop = "ayb_jobs_internal.search_stop(" + arguments + ")";
    return answer_changed(call, verb,
                          std::string(verb.many) +
                              "(ARRAY(SELECT f.id FROM ayb_jobs_internal.search_jobs(NULL::uuid, " +
                              arguments + ") AS f (id)))",
                          find_filter(query, verb.of), stop.c_str());
}

http::Response change_many(const Call &call, const Verb &verb) {
    const json::Object body = call.body();
    require_known(body, {"ids", "type", "since", "until", "phase", "q", "cursor"});
    const auto ids = body.raw("ids");
    if (ids && *ids != "null")
        return change_ids(call, *ids, verb);
    const db::Parameters range = {body.text("type"), time_of(body, "since"),
                                  time_of(body, "until")};
    if (range[0] == "")
        throw invalid("type", "it is empty");
    if (!body.text("q").value_or("").empty() || !body.text("phase").value_or("").empty())
        return change_found(call, body, verb);
    if (!range[0] && !range[1] && !range[2])
        throw Failure(400, "ids, type, since, until, phase or q is required");
    return answer_changed(
        call, verb, verb.matching + std::string("($1, $2::timestamptz, $3::timestamptz)"), range);
}

} // namespace

std::vector<Route> job_change_routes(bool commands) {
    return {{"POST", "/api/admin/jobs", Access::admin,
             [commands](const Call &call) { return create_job(call, commands); }},
            {"POST", "/api/admin/jobs/many", Access::admin,
             [commands](const Call &call) { return create_jobs(call, commands); }},
            {"POST", "/api/admin/jobs/retry", Access::operate,
             [](const Call &call) { return change_many(call, kRetry); }},
            {"POST", "/api/admin/jobs/cancel", Access::operate,
             [](const Call &call) { return change_many(call, kCancel); }},
            {"POST", "/api/admin/jobs/run", Access::operate,
             [](const Call &call) { return change_many(call, kRun); }},
            {"POST", "/api/admin/jobs/delete", Access::admin,
             [](const Call &call) { return change_many(call, kDelete); }},
            {"DELETE", "/api/admin/jobs/{id}", Access::admin, delete_job},
            {"POST", "/api/admin/jobs/{id}/run", Access::operate, run_job},
            {"PATCH", "/api/admin/jobs/{id}", Access::operate, update_job},
            {"POST", "/api/admin/jobs/{id}/retry", Access::operate, retry_job},
            {"POST", "/api/admin/jobs/{id}/cancel", Access::operate, cancel_job}};
}

} // namespace ayb::api
