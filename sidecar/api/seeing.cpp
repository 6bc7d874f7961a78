#include "api/seeing.hpp"

#include "api/types.hpp"

namespace ayb::api {

namespace {

using Handler = std::function<http::Response(const Call &)>;

// A route that answers with what one statement without parameters gives.
Handler answer(const std::string &sql) {
    return [sql](const Call &call) { return json_response(*call.database().ask(sql)); };
}

std::string lanes() {
    return list(object({{"role", "pg_get_userbyid(l.role)"},
                        {"dueAt", "CASE WHEN isfinite(l.due_at) THEN l.due_at END"},
                        {"workers", "l.workers"},
                        {"queued", "l.queued"},
                        {"running", "l.running"},
                        {"retryAt", "l.retry_at"},
                        {"error", "l.error"}}),
                "ayb_jobs.lanes() AS l", "l.role::text");
}

std::string health() {
    return list(object({{"name", "h.name"},
                        {"status", "h.status"},
                        {"detail", "h.detail"},
                        {"hint", "h.hint"}}),
                "ayb_jobs.health() WITH ORDINALITY AS h (name, status, detail, hint, number)",
                "h.number");
}

std::string series() {
    std::vector<Field> fields = fields_of_series();
    fields.insert(fields.begin(), {{"bucket", "s.bucket"}, {"type", "s.job_type"}});
    return list(object(fields),
                "ayb_jobs.series($1::timestamptz, coalesce($2::interval, '1 minute'), $3,"
                " $4::boolean) AS s",
                "s.bucket, s.job_type");
}

db::Parameter text_or_null(const std::string &value) {
    return value.empty() ? std::nullopt : db::Parameter(value);
}

http::Response get_series(const Call &call) {
    static const std::string sql = guarded(series());
    const http::Query &query = call.query();
    return json_response(*call.database().ask(
        sql, {time_of(query, "since"), text_or_null(query["step"]), text_or_null(query["type"]),
              flag_of(query, "total") ? "false" : "true"}));
}

std::string depths() {
    return list(object({{"bucket", "d.bucket"},
                        {"queued", "d.queued"},
                        {"running", "d.running"},
                        {"oldestDueAgeSec", "d.oldest_due_seconds"}}),
                "ayb_jobs.depths($1::timestamptz, coalesce($2::interval, '1 minute')) AS d",
                "d.bucket");
}

http::Response get_depths(const Call &call) {
    static const std::string sql = guarded(depths());
    const http::Query &query = call.query();
    return json_response(
        *call.database().ask(sql, {time_of(query, "since"), text_or_null(query["step"])}));
}

// Of so many failed jobs, the newest; a count or a time beyond them nobody knows then.
constexpr const char *kMostFailed = "20000";

std::string errors() {
    return "WITH failed AS MATERIALIZED (SELECT j.id, j.type, j.last_error,"
           " coalesce(j.last_run_at, j.updated_at) AS at FROM ayb_jobs.jobs AS j"
           " WHERE j.state = 'failed' ORDER BY j.id DESC LIMIT " +
           std::string(kMostFailed) +
           "), grouped AS (SELECT f.type, f.error, count(*) AS number, min(f.at) AS first,"
           " max(f.at) AS last, (array_agg(f.id ORDER BY f.at DESC))[1] AS newest FROM"
           " (SELECT f.*, ayb_jobs_internal.error_kind(f.last_error) AS error FROM failed AS f "
           "WHERE f.at >= coalesce($1::timestamptz, now() - interval"
           " '1 day')) AS f GROUP BY f.type, f.error ORDER BY number DESC, last DESC LIMIT 500) "
           "SELECT '{\"items\":[' || coalesce(string_agg(" +
           object({{"type", "g.type"},
                   {"error", "g.error"},
                   {"count", "g.number"},
                   {"firstAt", "g.first"},
                   {"lastAt", "g.last"},
                   {"jobId", "g.newest"}}) +
           ", ',' ORDER BY g.number DESC, g.last DESC), '') || '],\"count\":' || count(*) ||"
           " ',\"more\":' || (SELECT (count(*) = " +
           kMostFailed + ")::text FROM failed) || '}' FROM grouped AS g";
}

http::Response list_errors(const Call &call) {
    static const std::string sql = guarded(errors());
    return json_response(*call.database().ask(sql, {time_of(call.query(), "since")}));
}

// What AYB's console asks for: what the role that logged in may read, and, for who sees everything,
// the views.
std::string schema() {
    const std::string column = object({{"name", "a.attname"},
                                       {"type", "format_type(a.atttypid, a.atttypmod)"},
                                       {"nullable", "NOT a.attnotnull"}});
    const std::string table =
        object({{"schema", "n.nspname"},
                {"name", "c.relname"},
                {"kind", "CASE c.relkind WHEN 'm' THEN 'materialized_view' ELSE 'table' END"},
                {"columns", "columns.items"},
                {"primaryKey", "'[]'::json"}});
    return "SELECT '{\"tables\":{' || coalesce(string_agg(to_json(n.nspname || '.' || c.relname)"
           "::text || ':' || " +
           table +
           ", ',' ORDER BY n.nspname, c.relname), '') || '}}' FROM pg_class AS c"
           " JOIN pg_namespace AS n ON n.oid = c.relnamespace CROSS JOIN LATERAL"
           " (SELECT ('[' || coalesce(string_agg(" +
           column +
           ", ',' ORDER BY a.attnum), '') || ']')::json AS items FROM pg_attribute AS a"
           " WHERE a.attrelid = c.oid AND a.attnum > 0 AND NOT a.attisdropped) AS columns"
           " WHERE c.relkind IN ('r', 'p', 'm') AND n.nspname !~ '^pg_'"
           " AND n.nspname NOT IN ('information_schema', 'ayb_jobs', 'ayb_jobs_internal')"
           " AND has_schema_privilege(session_user, n.oid, 'USAGE')"
           " AND (has_table_privilege(session_user, c.oid, 'SELECT') OR c.relkind = 'm' AND"
           " (pg_has_role(session_user, c.relowner, 'USAGE') OR"
           " pg_has_role(to_regrole('ayb_jobs_read')::oid, 'USAGE')))";
}

// What AYB's console asks for before it shows its parts.
http::Response capabilities(const Call &) {
    return json_response("{\"jobs\":true,\"schedules\":true,\"matviews\":true,\"events\":true,"
                         "\"handlers\":true,\"workers\":true,\"series\":true,\"health\":true,"
                         "\"realtime\":true}");
}

} // namespace

std::vector<Route> seeing_routes() {
    return {{"GET", "/api/admin/lanes", Access::read, answer(guarded(lanes()))},
            // Not guarded: health() says that it is off.
            {"GET", "/api/admin/health", Access::read, answer(health())},
            {"GET", "/api/admin/errors", Access::read, list_errors},
            {"GET", "/api/admin/series", Access::read, get_series},
            {"GET", "/api/admin/depths", Access::read, get_depths},
            {"GET", "/api/admin/capabilities", Access::read, capabilities},
            {"GET", "/api/schema", Access::read, answer(schema())}};
}

} // namespace ayb::api
