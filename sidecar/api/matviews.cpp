#include "api/matviews.hpp"

namespace ayb::api {

namespace {

constexpr const char *kNotFound = "matview registration not found";
constexpr const char *kInProgress = "refresh already in progress";
constexpr const char *kBadMode = "refreshMode must be 'standard' or 'concurrent'";

// A registration of `m`, a row of the view ayb_jobs.matviews.
const std::string &matview_json() {
    static const std::string json = object({{"id", "m.id"},
                                            {"schemaName", "m.schema_name"},
                                            {"viewName", "m.view_name"},
                                            {"refreshMode", "m.refresh_mode"},
                                            {"lastRefreshAt", "m.last_refresh_at"},
                                            {"lastRefreshDurationMs", "m.last_refresh_duration_ms"},
                                            {"lastRefreshStatus", "m.last_refresh_status"},
                                            {"lastRefreshError", "m.last_refresh_error"},
                                            {"createdAt", "m.created_at"},
                                            {"updatedAt", "m.updated_at"},
                                            {"refreshing", "m.refreshing"},
                                            {"refreshingSince", "m.refreshing_since"},
                                            {"lastRefreshRows", "m.last_refresh_rows"},
                                            {"lastSkippedAt", "m.last_skipped_at"},
                                            {"lastDurationsMs", "m.last_durations_ms"},
                                            {"viewExists", "m.view_exists"},
                                            {"populated", "m.is_populated"},
                                            {"sizeBytes", "m.size_bytes"},
                                            {"concurrentPossible", "m.concurrent_possible"},
                                            {"concurrentAdvice", "m.concurrent_advice"},
                                            {"estimatedChanges", "m.estimated_changes"},
                                            {"skipUnchanged", "m.skip_unchanged"},
                                            {"neverSkippedBecause", "m.never_skipped_because"}});
    return json;
}

const std::string &read_one() {
    static const std::string sql =
        "SELECT (SELECT " + matview_json() + " FROM ayb_jobs.matviews AS m WHERE m.id = $1::uuid)";
    return sql;
}

bool is_identifier(const std::string &name) {
    if (name.empty() || (name[0] >= '0' && name[0] <= '9'))
        return false;
    for (const char c : name) {
        const bool letter = (c | 0x20) >= 'a' && (c | 0x20) <= 'z';
        if (!letter && c != '_' && !(c >= '0' && c <= '9'))
            return false;
    }
    return true;
}

void require_identifier(const std::string &name) {
    if (!is_identifier(name))
        throw Failure(400, "invalid identifier: " + json::quote(name));
}

std::string mode_of(const json::Object &body, const char *otherwise) {
    std::string mode = body.text("refreshMode").value_or("");
    if (mode.empty())
        mode = otherwise;
    if (mode != "standard" && mode != "concurrent")
        throw Failure(400, kBadMode);
    return mode;
}

// AYB's clients say schema; schemaName is what the answer calls it.
std::string schema_of(const json::Object &body) {
    const std::string schema = body.text("schema").value_or("");
    const std::string name = body.text("schemaName").value_or("");
    if (!schema.empty() && !name.empty() && schema != name) {
        Failure failure(400, "schema and schemaName differ");
        failure.field = "schema";
        throw failure;
    }
    return !schema.empty() ? schema : !name.empty() ? name : "public";
}

http::Response list_matviews(const Call &call) {
    static const std::string sql =
        list(matview_json(), "ayb_jobs.matviews AS m", "m.schema_name, m.view_name");
    return json_response(*call.database().ask(sql));
}

http::Response get_matview(const Call &call) {
    return found(call.database().ask(read_one(), {call.id("matview")}), kNotFound);
}

http::Response register_matview(const Call &call) {
    static const std::string sql = "SELECT m.id FROM ayb_jobs.register_matview(view_name => $1,"
                                   " schema_name => $2, refresh_mode => $3) AS m";
    const json::Object body = call.body();
    const std::string view = body.text("viewName").value_or("");
    const std::string schema = schema_of(body);
    if (view.empty())
        throw Failure(400, "viewName is required");
    const std::string mode = mode_of(body, "standard");
    require_identifier(schema);
    require_identifier(view);
    const auto id = call.database().ask(sql, {view, schema, mode});
    return found(call.database().ask(read_one(), {id}), kNotFound, 201);
}

http::Response update_matview(const Call &call) {
    static const std::string sql = "SELECT m.id FROM ayb_jobs.update_matview($1::uuid, $2) AS m";
    const std::string &id = call.id("matview");
    const std::string mode = mode_of(call.body(), "");
    call.database().ask(sql, {id, mode});
    return found(call.database().ask(read_one(), {id}), kNotFound);
}

http::Response unregister_matview(const Call &call) {
    call.database().ask("SELECT ayb_jobs.unregister_matview($1::uuid)::text", {call.id("matview")});
    return no_content();
}

// What a refresh that did not succeed is to the contract, by the engine's word for why.
struct Outcome {
    std::string_view reason;
    int status;
    const char *message;
};
constexpr Outcome kOutcomes[] = {
    {"view_gone", 404, "materialized view no longer exists in database"},
    {"not_populated", 409, "concurrent refresh requires a populated materialized view"},
    {"no_unique_index", 409, "concurrent refresh requires a unique index on the materialized view"},
    {"in_progress", 409, kInProgress}};

Failure refused(const std::string &reason, const db::Result &outcome) {
    Failure failure(500, "refresh failed");
    for (const Outcome &known : kOutcomes)
        if (reason == known.reason)
            failure = Failure(known.status, known.message);
    const std::string error = outcome.at(0, 2).value_or("");
    if (error != failure.what())
        failure.details = error;
    failure.sqlstate = outcome.at(0, 3).value_or("");
    failure.hint = outcome.at(0, 4).value_or("");
    failure.reason = reason;
    return failure;
}

http::Response refresh(const Call &call, std::chrono::milliseconds time, Turns &turns) {
    const std::string &id = call.id("matview");
    const Turns::Turn turn(turns, call.database().pool(), id, kInProgress);
    const LongSession session(call.database(), time);
    const db::Result outcome =
        session.ask("SELECT o.reason, o.duration_ms, o.error, o.sqlstate, o.hint"
                    " FROM ayb_jobs.refresh_now($1::uuid) AS o",
                    {id});
    const std::string reason = outcome.at(0, 0).value_or("");
    if (!reason.empty() && reason != "unchanged")
        throw refused(reason, outcome);
    const db::Result row = session.ask(read_one(), {id});
    return json_response("{\"registration\":" + row.at(0, 0).value_or("null") +
                         ",\"durationMs\":" + outcome.at(0, 1).value_or("0") + "}");
}

http::Response dependencies(const Call &call) {
    static const std::string sql = list(object({{"schemaName", "d.schema_name"},
                                                {"viewName", "d.view_name"},
                                                {"readsSchema", "d.reads_schema"},
                                                {"readsView", "d.reads_view"}}),
                                        "ayb_jobs.matview_dependencies() AS d",
                                        "d.schema_name, d.view_name, d.reads_schema, d.reads_view");
    return json_response(*call.database().ask(sql));
}

// What could be registered: every materialized view that isn't yet, and whose name the contract
// allows.
http::Response available(const Call &call) {
    static const std::string sql =
        list(object({{"schemaName", "n.nspname"},
                     {"viewName", "c.relname"},
                     {"owner", "pg_get_userbyid(c.relowner)"},
                     {"populated", "c.relispopulated"}}),
             "pg_class AS c JOIN pg_namespace AS n ON n.oid = c.relnamespace"
             " WHERE c.relkind = 'm' AND n.nspname ~ '^[A-Za-z_][A-Za-z0-9_]*$'"
             " AND c.relname ~ '^[A-Za-z_][A-Za-z0-9_]*$' AND NOT EXISTS"
             " (SELECT FROM ayb_jobs.matview_refreshes AS m WHERE m.schema_name = n.nspname"
             " AND m.view_name = c.relname)",
             "n.nspname, c.relname");
    return json_response(*call.database().ask(sql));
}

} // namespace

std::vector<Route> matview_routes(std::chrono::milliseconds refresh_timeout,
                                  const std::shared_ptr<Turns> &turns) {
    return {{"GET", "/api/admin/matviews", Access::read, list_matviews},
            {"POST", "/api/admin/matviews", Access::admin, register_matview},
            {"GET", "/api/admin/matviews/dependencies", Access::read, dependencies},
            {"GET", "/api/admin/matviews/available", Access::read, available},
            {"GET", "/api/admin/matviews/{id}", Access::read, get_matview},
            {"PUT", "/api/admin/matviews/{id}", Access::admin, update_matview},
            {"DELETE", "/api/admin/matviews/{id}", Access::admin, unregister_matview},
            {"POST", "/api/admin/matviews/{id}/refresh", Access::operate,
             [refresh_timeout, turns](const Call &call) {
                 return refresh(call, refresh_timeout, *turns);
             }}};
}

} // namespace ayb::api
