#include "api/watches.hpp"

namespace ayb::api {

namespace {

std::string watch_json() {
    return object({{"type", "w.type"},
                   {"runAs", "pg_get_userbyid(w.run_as)"},
                   {"names", "w.names"},
                   {"bad", "w.bad"},
                   {"createdAt", "w.created_at"}});
}

http::Response list_watches(const Call &call) {
    static const std::string sql =
        guarded(list(watch_json(), "ayb_jobs.health_watches AS w", "w.type, w.run_as::text"));
    return json_response(*call.database().ask(sql));
}

// A JSON array of strings; nothing, which is all checks, where it is absent or null.
db::Parameter names_of(const json::Object &body) {
    const auto raw = body.raw("names");
    if (!raw || *raw == "null")
        return std::nullopt;
    for (const std::string_view name : json::elements(*raw))
        json::unquote(name);
    return std::string(*raw);
}

http::Response set_watch(const Call &call) {
    static const std::string sql =
        guarded("SELECT " + watch_json() +
                " FROM ayb_jobs.watch_health($1, CASE WHEN $2::json IS NOT NULL THEN"
                " ARRAY(SELECT json_array_elements_text($2::json)) END) AS w");
    const json::Object body = call.body();
    require_known(body, {"names"});
    return json_response(*call.database().make(sql, {call.named(), names_of(body)}));
}

http::Response end_watch(const Call &call) {
    static const std::string sql =
        guarded("SELECT CASE WHEN ayb_jobs.unwatch_health($1) THEN '{}' END");
    if (!call.database().make(sql, {call.named()}))
        throw Failure(404, "watch not found");
    return no_content();
}

} // namespace

std::vector<Route> watch_routes() {
    return {{"GET", "/api/admin/watches", Access::read, list_watches},
            {"PUT", "/api/admin/watches/{type}", Access::admin, set_watch},
            {"DELETE", "/api/admin/watches/{type}", Access::admin, end_watch}};
}

} // namespace ayb::api
