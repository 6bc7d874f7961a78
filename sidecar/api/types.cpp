#include "api/types.hpp"

#include <cstdint>
#include <cstdlib>

namespace ayb::api {

namespace {

constexpr const char *kNotFound = "type not found";
constexpr const char *kPerHint = "the time in which so many start: from 0.001 to 3600";

std::string handler_json() {
    return object({{"type", "h.type"},
                   {"kind", "h.kind"},
                   {"owner", "pg_get_userbyid(h.owner)"},
                   {"functionSchema", "h.function_schema"},
                   {"functionName", "h.function_name"},
                   {"command", "h.command"},
                   {"timeoutSec", "extract(epoch FROM h.timeout)"},
                   {"maxAttempts", "h.max_attempts"},
                   {"backoffSec", "(SELECT array_agg(extract(epoch FROM b)) FROM "
                                  "unnest(h.backoff) AS b)"},
                   {"definer", "h.definer"},
                   {"grouped", "h.grouped"},
                   {"priority", "h.priority"},
                   {"deadLetter", "h.dead_letter"},
                   {"keep", "h.keep"},
                   {"createdAt", "h.created_at"},
                   {"updatedAt", "h.updated_at"}});
}

http::Response list_handlers(const Call &call) {
    static const std::string sql =
        guarded(list(handler_json(), "ayb_jobs.handlers AS h", "h.type"));
    return json_response(*call.database().ask(sql));
}

std::vector<Field> joined(std::initializer_list<std::vector<Field>> lists) {
    std::vector<Field> all;
    for (const std::vector<Field> &list : lists)
        all.insert(all.end(), list.begin(), list.end());
    return all;
}

// The types of the queue as a table, `types`: walked along their index, from one to the next;
// behind the last one is a NULL.
std::string walked() {
    const std::string next = "SELECT j.type FROM ayb_jobs.job_queue AS j";
    return "WITH RECURSIVE types AS ((" + next + " ORDER BY j.type LIMIT 1) UNION ALL SELECT (" +
           next +
           " WHERE j.type > t.type ORDER BY j.type LIMIT 1) FROM types AS t"
           " WHERE t.type IS NOT NULL) ";
}

// What lies in the queue of type `k`. Only so many jobs are looked at, of each and of all together,
// so that it is as quick with millions of them and with many types.
std::string lying(const char *most) {
    return std::string("ayb_jobs_internal.lying(k.type, ") + most + ") AS q";
}

constexpr const char *kMostOfOne = "5000";
constexpr const char *kMostOfEach =
    "least(5000, greatest(100, 50000 / greatest((SELECT count(*) FROM types), 1)))::integer";

std::vector<Field> fields_of_lying() {
    return {{"queued", "q.queued"},
            {"running", "q.running"},
            {"more", "q.more"},
            {"oldestDueAgeSec", "extract(epoch FROM now() - q.oldest_due)"}};
}

// An instant of `opens_at`: absent where that is now, or when a job that runs has ended.
constexpr const char *kOpensAt = "CASE WHEN isfinite(l.opens_at) THEN l.opens_at END";

// The keys of type `k` that have most jobs.
std::string keys_json() {
    return "(SELECT json_agg((" +
           object({{"key", "l.partition_key"},
                   {"queued", "l.queued"},
                   {"running", "l.running_now"},
                   {"started", "l.started_now"},
                   {"open", "l.opens_at IS NULL"},
                   {"opensAt", kOpensAt}}) +
           ")::json) FROM ayb_jobs.limit_keys(k.type, 50) AS l)";
}

// What is set for type `k`, and what it has come to.
std::string limit_json(bool whole) {
    const std::string keys =
        whole ? "CASE WHEN num_nonnulls(l.running_per_key, l.starts_per_key) > 0 THEN " +
                    keys_json() + " END"
              : "NULL::json";
    return "(SELECT (" +
           object({{"running", "l.running"},
                   {"runningPerKey", "l.running_per_key"},
                   {"starts", "l.starts"},
                   {"startsPerKey", "l.starts_per_key"},
                   {"perSec", "extract(epoch FROM l.per)"},
                   {"ordered", "l.ordered"},
                   {"inForce", "l.in_force"},
                   {"runningNow", "l.running_now"},
                   {"startedNow", "l.started_now"},
                   {"waiting", "q.due"},
                   {"open", "l.opens_at IS NULL"},
                   {"opensAt", kOpensAt},
                   {"keys", keys.c_str()},
                   {"setBy", "pg_get_userbyid(l.set_by)"},
                   {"setAt", "l.set_at"}}) +
           ")::json FROM ayb_jobs.limits AS l WHERE l.type = k.type)";
}

// A type of `k`, with what lies in the queue of it; the whole of one has the keys that wait.
std::string type_json(bool whole) {
    static const std::string handler =
        "(SELECT (" + handler_json() + ")::json FROM ayb_jobs.handlers AS h WHERE h.type = k.type)";
    const std::string limit = limit_json(whole);
    return object(
        joined({{{"type", "k.type"},
                 {"paused", "EXISTS (SELECT FROM ayb_jobs.pauses AS p WHERE p.type = k.type)"},
                 {"handler", handler.c_str()},
                 {"limit", limit.c_str()}},
                fields_of_lying(),
                {{"lastHour", "r.counts"}}}));
}

// What became of the type's attempts in the last hour, which is one step of the series.
std::string last_hour(const std::string &type) {
    return "(SELECT s.job_type, (" + object(fields_of_series()) +
           ")::json AS counts FROM ayb_jobs.series(now() - interval '1 hour', '36500 days', " +
           type + ", true) AS s)";
}

std::string from(const std::string &types, const std::string &type, const char *most) {
    return "(" + types + ") AS k LEFT JOIN " + last_hour(type) +
           " AS r ON r.job_type = k.type CROSS JOIN " + lying(most);
}

// Those that have a handler, jobs in the queue, a pause, or a limit.
http::Response list_types(const Call &call) {
    static const std::string known =
        "SELECT h.type FROM ayb_jobs.handlers AS h UNION SELECT t.type FROM types AS t WHERE"
        " t.type IS NOT NULL UNION SELECT p.type FROM ayb_jobs.pauses AS p WHERE p.type <> ''"
        " UNION SELECT l.type FROM ayb_jobs.type_limits AS l ORDER BY 1 LIMIT 500";
    static const std::string sql =
        guarded(walked() + list(type_json(false), from(known, "NULL", kMostOfEach), "k.type"));
    return json_response(*call.database().ask(sql));
}

// What waits, by type.
http::Response list_queue(const Call &call) {
    static const std::string sql = guarded(
        walked() + list(object(joined({{{"type", "k.type"}}, fields_of_lying()})),
                        "(SELECT t.type FROM types AS t WHERE t.type IS NOT NULL LIMIT 200) AS k"
                        " CROSS JOIN " +
                            lying(kMostOfEach),
                        "q.queued DESC, k.type"));
    return json_response(*call.database().ask(sql));
}

std::string read_one() {
    return "SELECT (SELECT " + type_json(true) + " FROM " +
           from("SELECT $1::text AS type", "$1", kMostOfOne) +
           " WHERE ayb_jobs_internal.is_known_type($1))";
}

http::Response get_type(const Call &call) {
    static const std::string sql = guarded(read_one());
    return found(call.database().ask(sql, {call.named()}), kNotFound);
}

// A pause that nobody asked for by its right name would stop nothing, and look as if it did.
http::Response switch_type(const Call &call, const char *function) {
    get_type(call);
    const std::string sql = std::string("SELECT ayb_jobs.") + function + "($1)::text";
    call.database().ask(sql, {call.named()});
    return get_type(call);
}

// At least one, as a parameter; nothing where it is absent or null.
db::Parameter most_of(const json::Object &body, const char *name) {
    const auto value = body.integer(name);
    if (value && (*value < 1 || *value > INT32_MAX))
        throw invalid(name, "a whole number of at least 1");
    return value ? db::Parameter(std::to_string(*value)) : std::nullopt;
}

// In seconds.
db::Parameter per_of(const json::Object &body) {
    const auto raw = body.raw("perSec");
    if (!raw || *raw == "null")
        return std::nullopt;
    const std::string text(*raw);
    const double seconds = text.front() == '"' ? 0 : std::strtod(text.c_str(), nullptr);
    if (!(seconds >= 0.001 && seconds <= 3600))
        throw invalid("perSec", kPerHint);
    return text;
}

// The whole rule: what is absent has no limit afterwards.
http::Response set_limit(const Call &call) {
    static const std::string sql =
        "SELECT (ayb_jobs.set_limit($1, running => $2::integer, running_per_key => $3::integer,"
        " starts => $4::integer, starts_per_key => $5::integer,"
        " per => make_interval(secs => $6::double precision), ordered => $7::boolean)).type";
    const json::Object body = call.body();
    require_known(body,
                  {"running", "runningPerKey", "starts", "startsPerKey", "perSec", "ordered"});
    const bool ordered = body.boolean("ordered").value_or(false);
    const db::Parameters rule = {call.named(),
                                 most_of(body, "running"),
                                 most_of(body, "runningPerKey"),
                                 most_of(body, "starts"),
                                 most_of(body, "startsPerKey"),
                                 per_of(body),
                                 ordered ? "true" : "false"};
    if (!ordered && !rule[1] && !rule[2] && !rule[3] && !rule[4])
        throw invalid("running", "no limit is given; DELETE takes it away");
    if ((rule[3] || rule[4]) != rule[5].has_value())
        throw invalid(rule[5] ? "starts" : "perSec", "starts and perSec belong together");
    get_type(call);
    call.database().ask(sql, rule);
    return get_type(call);
}

http::Response clear_limit(const Call &call) {
    get_type(call);
    call.database().ask("SELECT ayb_jobs.clear_limit($1)::text", {call.named()});
    return no_content();
}

} // namespace

std::vector<Field> fields_of_series() {
    return {{"completed", "s.completed"}, {"failed", "s.failed"},     {"retried", "s.retried"},
            {"lost", "s.lost"},           {"canceled", "s.canceled"}, {"snoozed", "s.snoozed"},
            {"waitP50", "s.wait_p50"},    {"waitP95", "s.wait_p95"},  {"waitP99", "s.wait_p99"},
            {"runP50", "s.run_p50"},      {"runP95", "s.run_p95"},    {"runP99", "s.run_p99"}};
}

std::vector<Route> type_routes() {
    return {{"GET", "/api/admin/handlers", Access::read, list_handlers},
            {"GET", "/api/admin/queue", Access::read, list_queue},
            {"GET", "/api/admin/types", Access::read, list_types},
            {"GET", "/api/admin/types/{type}", Access::read, get_type},
            {"PUT", "/api/admin/types/{type}/limit", Access::admin, set_limit},
            {"DELETE", "/api/admin/types/{type}/limit", Access::admin, clear_limit},
            {"POST", "/api/admin/types/{type}/pause", Access::operate,
             [](const Call &call) { return switch_type(call, "pause"); }},
            {"POST", "/api/admin/types/{type}/resume", Access::operate,
             [](const Call &call) { return switch_type(call, "resume"); }}};
}

} // namespace ayb::api
