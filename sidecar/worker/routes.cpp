#include "worker/routes.hpp"

#include "worker/list.hpp"

namespace ayb::worker {

namespace {

// {"items":[{"id","reason"}],"count"} of what the worker doesn't hold.
std::string refused_sql(const char *call) {
    return api::guarded(
        api::list(api::object({{"id", "r.id"}, {"reason", "r.reason"}}),
                  std::string("ayb_jobs.") + call + " WITH ORDINALITY AS r (id, reason, number)",
                  "r.number"));
}

// The jobs as they came: what they may have is the function's to say.
std::string jobs_of(const json::Object &body) {
    const auto jobs = body.raw("jobs");
    if (!jobs || jobs->empty() || jobs->front() != '[')
        throw api::invalid("jobs", "not a list");
    return std::string(*jobs);
}

http::Response tell(const api::Call &call, const std::string &sql) {
    const json::Object body = call.body(api::kLargeBody);
    api::require_known(body, {"worker", "jobs"});
    return api::json_response(
        call.database().ask(sql, {worker_id(call, body), jobs_of(body)}).value_or(""));
}

http::Response complete(const api::Call &call) {
    static const std::string sql = refused_sql("complete_many($1, $2::jsonb)");
    return tell(call, sql);
}

http::Response fail(const api::Call &call) {
    static const std::string sql = refused_sql("fail_many($1, $2::jsonb)");
    return tell(call, sql);
}

http::Response extend(const api::Call &call) {
    static const std::string sql = refused_sql("extend_many($1, $2::jsonb, $3::interval)");
    const json::Object body = call.body();
    api::require_known(body, {"worker", "jobs", "lease"});
    return api::json_response(
        call.database()
            .ask(sql, {worker_id(call, body), jobs_of(body), body.text("lease")})
            .value_or(""));
}

// Which attempt a call of one job is about: the first three parameters.
db::Parameters attempt_of(const api::Call &call, const json::Object &body) {
    const std::string id = body.text("id").value_or("");
    if (!api::is_uuid(id))
        throw api::invalid("id", "not a uuid");
    const auto attempt = body.integer("attempt");
    if (!attempt)
        throw api::invalid("attempt", "not an integer");
    return {id, worker_id(call, body), std::to_string(*attempt)};
}

http::Response say_progress(const api::Call &call) {
    static const std::string sql =
        api::guarded("SELECT ''::text FROM ayb_jobs.set_progress($1::uuid, $2, $3::integer,"
                     " $4::integer, $5)");
    const json::Object body = call.body();
    api::require_known(body, {"worker", "id", "attempt", "percent", "note"});
    db::Parameters parameters = attempt_of(call, body);
    const auto percent = body.integer("percent");
    parameters.push_back(percent ? db::Parameter(std::to_string(*percent)) : std::nullopt);
    parameters.push_back(body.text("note"));
    call.database().ask(sql, parameters);
    return api::no_content();
}

http::Response say_log(const api::Call &call) {
    static const std::string sql =
        api::guarded("SELECT ''::text FROM ayb_jobs.add_log($1::uuid, $2, $3::integer, $4, $5)");
    const json::Object body = call.body();
    api::require_known(body, {"worker", "id", "attempt", "message", "level"});
    db::Parameters parameters = attempt_of(call, body);
    parameters.push_back(body.text("message"));
    parameters.push_back(body.text("level").value_or("info"));
    call.database().ask(sql, parameters);
    return api::no_content();
}

// Ends the attempt as a step: the job goes on later, with another payload where one is given.
http::Response snooze(const api::Call &call) {
    static const std::string sql = api::guarded(
        "SELECT ''::text FROM ayb_jobs.snooze($1::uuid, $2, $3::integer, $4::interval, $5::jsonb)");
    const json::Object body = call.body(api::kLargeBody);
    api::require_known(body, {"worker", "id", "attempt", "delay", "payload"});
    db::Parameters parameters = attempt_of(call, body);
    parameters.push_back(body.text("delay").value_or("0"));
    const auto payload = body.raw("payload");
    parameters.push_back(payload ? db::Parameter(std::string(*payload)) : std::nullopt);
    call.database().ask(sql, parameters);
    return api::no_content();
}

} // namespace

// Tried at once, and only who gets nothing waits.
http::Response Work::claim(const api::Call &call) {
    Claim claim = read_claim(call);
    Claimed claimed = run(claim, call.database());
    if (claimed.any || claim.wait.count() == 0)
        return api::json_response(std::move(claimed.json));
    return lounges_.of(call.database().pool()).wait(std::move(claim), call.database());
}

http::Response Work::list(const api::Call &call) {
    Lounge *lounge = lounges_.find(call.database().pool());
    if (lounge == nullptr)
        return list_workers(call.database(), "", "[]");
    return list_workers(call.database(), lounge->name(), lounge->who_waits());
}

std::vector<api::Route> Work::routes() {
    using api::Access;
    return {{"GET", "/api/admin/workers", Access::read,
             [this](const api::Call &call) { return list(call); }},
            {"POST", "/api/worker/claim", Access::work,
             [this](const api::Call &call) { return claim(call); }},
            {"POST", "/api/worker/complete", Access::work, complete},
            {"POST", "/api/worker/fail", Access::work, fail},
            {"POST", "/api/worker/extend", Access::work, extend},
            {"POST", "/api/worker/progress", Access::work, say_progress},
            {"POST", "/api/worker/log", Access::work, say_log},
            {"POST", "/api/worker/snooze", Access::work, snooze}};
}

} // namespace ayb::worker
