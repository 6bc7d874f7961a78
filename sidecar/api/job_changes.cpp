// POST /api/admin/jobs and below.
#include "api/jobs.hpp"

namespace ayb::api {

namespace {

constexpr std::size_t kMaxIds = 1000;

db::Parameter as_text(const std::optional<long long> &value) {
    return value ? db::Parameter(std::to_string(*value)) : std::nullopt;
}

// In one transaction, so that either the job is there and told of, or it isn't there. The row is
// ours if it was this transaction that wrote it; else the key was taken.
struct Created {
    std::string job;
    bool is_new;
};

Created enqueue(db::Connection &session, const db::Parameters &order) {
    static const std::string enqueue_sql =
        guarded("SELECT ayb_jobs.enqueue(type => $1, payload => $2::jsonb,"
                " run_at => $3::timestamptz, idempotency_key => $4, max_attempts => $5::integer,"
                " run_as => $6::name)::text");
    static const std::string read_sql =
        "SELECT " + job_json() +
        ", EXISTS (SELECT FROM ayb_jobs.job_queue AS q WHERE q.id = j.id"
        " AND q.xmin::text = (pg_current_xact_id()::text::numeric % 4294967296)::text)"
        " FROM ayb_jobs.jobs AS j WHERE j.id = $1::uuid";
    session.query("BEGIN");
    const db::Result enqueued = session.query(enqueue_sql, order);
    if (enqueued.rows() == 0)
        throw Failure(503, kNotEnabled);
    const db::Result job = session.query(read_sql, {enqueued.at(0, 0)});
    Created created{job.at(0, 0).value(), job.at(0, 1) == "t"};
    session.query("COMMIT");
    return created;
}

http::Response create_job(const Call &call) {
    const json::Object body = call.body();
    const db::Parameters order = {body.text("type").value_or(""),
                                  std::string(body.raw("payload").value_or("{}")),
                                  body.text("runAt"),
                                  body.text("idempotencyKey"),
                                  as_text(body.integer("maxAttempts")),
                                  body.text("runAs")};
    try {
        // A session whose transaction an error left open is not used again.
        const db::Pool::Lease session = call.database().pool().lease();
        Created created = enqueue(session.session(), order);
        return json_response(std::move(created.job), created.is_new ? 201 : 200);
    } catch (const db::Error &error) {
        throw translate(error);
    }
}

// A refusal and an unknown id are the same to the contract; the details tell them apart.
http::Response change_job(const Call &call, const char *function, const char *state) {
    const std::string &id = call.id("job");
    const std::string refusal = "job " + id + " not found or not in " + state + " state";
    const std::string sql =
        guarded("SELECT " + job_json() + " FROM ayb_jobs." + function + " AS j");
    return json_response(
        *call.database().ask(sql, {id}, {{"P0002", 409, refusal}, {"55000", 409, refusal}}));
}

http::Response retry_job(const Call &call) {
    return change_job(call, "retry_now($1::uuid)", "failed");
}

http::Response cancel_job(const Call &call) {
    return call.query()["force"] == "true"
               ? change_job(call, "cancel($1::uuid, true)", "queued or running")
               : change_job(call, "cancel($1::uuid)", "queued");
}

http::Response answer_changed(const Call &call, const std::string &function,
                              const db::Parameters &parameters, std::initializer_list<Case> cases) {
    const std::string sql = guarded("SELECT " + object({{"changed", "n.changed"}}) +
                                    " FROM ayb_jobs." + function + " AS n (changed)");
    return json_response(*call.database().ask(sql, parameters, cases));
}

// All or none: an id that is no id refuses them all. One in another state is left as it is.
http::Response change_ids(const Call &call, std::string_view ids, const std::string &function) {
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
    return answer_changed(call, function + "($1::uuid[])", {array + "}"}, {});
}

http::Response change_many(const Call &call, const std::string &verb) {
    const json::Object body = call.body();
    const auto ids = body.raw("ids");
    if (ids && *ids != "null")
        return change_ids(call, *ids, verb + "_many");
    const db::Parameters range = {body.text("type"), body.text("since"), body.text("until")};
    if (!range[0] && !range[1] && !range[2])
        throw Failure(400, "ids, type, since or until is required");
    return answer_changed(call, verb + "_matching($1, $2::timestamptz, $3::timestamptz)", range,
                          {{"22007", 400, "invalid time"}, {"22008", 400, "invalid time"}});
}

} // namespace

std::vector<Route> job_change_routes() {
    return {{"POST", "/api/admin/jobs", Access::admin, create_job},
            {"POST", "/api/admin/jobs/retry", Access::admin,
             [](const Call &call) { return change_many(call, "retry"); }},
            {"POST", "/api/admin/jobs/cancel", Access::admin,
             [](const Call &call) { return change_many(call, "cancel"); }},
            {"POST", "/api/admin/jobs/{id}/retry", Access::admin, retry_job},
            {"POST", "/api/admin/jobs/{id}/cancel", Access::admin, cancel_job}};
}

} // namespace ayb::api
