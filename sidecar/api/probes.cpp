#include "api/probes.hpp"

namespace ayb::api {

namespace {

http::Response live(const Call &) { return json_response("{\"status\":\"ok\"}"); }

http::Response health(const Call &call) {
    try {
        call.database().ask("SELECT 1");
        return json_response("{\"status\":\"ok\",\"database\":\"ok\"}");
    } catch (const std::exception &) {
        http::Response response =
            json_response("{\"status\":\"error\",\"database\":\"unavailable\"}", 503);
        response.headers.emplace_back("Retry-After", "1");
        return response;
    }
}

// Ready is who can answer: there is a database, and the extension in it.
http::Response ready(const Call &call) {
    call.database().ask("SELECT extversion FROM pg_extension WHERE extname = 'ayb_jobs'");
    return json_response("{\"status\":\"ok\"}");
}

// Lines of the text format for a metric whose samples PostgreSQL puts together.
std::string database_metrics(const Call &call) {
    static const std::string sql =
        "SELECT concat_ws(E'\\n', '# TYPE ayb_jobs_jobs gauge',"
        " 'ayb_jobs_jobs{state=\"queued\"} ' || s.queued,"
        " 'ayb_jobs_jobs{state=\"running\"} ' || s.running,"
        " 'ayb_jobs_jobs{state=\"completed\"} ' || s.completed,"
        " 'ayb_jobs_jobs{state=\"failed\"} ' || s.failed,"
        " 'ayb_jobs_jobs{state=\"canceled\"} ' || s.canceled,"
        " '# TYPE ayb_jobs_oldest_due_seconds gauge',"
        " 'ayb_jobs_oldest_due_seconds ' || greatest(coalesce(s.oldest_due_seconds, 0), 0),"
        " '# TYPE ayb_jobs_workers gauge',"
        " (SELECT 'ayb_jobs_workers ' || count(*) FROM ayb_jobs.workers()),"
        " '# TYPE ayb_jobs_check gauge',"
        " (SELECT string_agg('ayb_jobs_check{check=\"' || h.\"check\" || '\",status=\"' || h.status"
        " || '\"} 1', E'\\n') FROM ayb_jobs.health() AS h)) || E'\\n'"
        " FROM ayb_jobs.stats() AS s";
    return call.database().ask(sql).value_or("");
}

std::string gauge(const char *name, std::size_t value) {
    return std::string("# TYPE ") + name + " gauge\n" + name + " " + std::to_string(value) + "\n";
}

std::string own_metrics(const Call &call, const Counters &counters, Events &events) {
    std::string out = "# TYPE ayb_jobs_http_requests_total counter\n";
    for (std::size_t digit = 1; digit < counters.requests.size(); digit++)
        out += "ayb_jobs_http_requests_total{status=\"" + std::to_string(digit) + "xx\"} " +
               std::to_string(counters.requests[digit].load()) + "\n";
    const db::Pool::Usage usage = call.database().pool().usage();
    return out + gauge("ayb_jobs_http_connections", counters.connections()) +
           gauge("ayb_jobs_http_listeners", events.listeners()) +
           gauge("ayb_jobs_database_connections", usage.open) +
           gauge("ayb_jobs_database_connections_busy", usage.lent);
}

// Also while the database is away: then it says just that.
http::Response metrics(const Call &call, const Counters &counters, Events &events) {
    std::string text;
    bool up = true;
    try {
        text = database_metrics(call);
    } catch (const std::exception &) {
        up = false;
    }
    http::Response response = json_response(text + gauge("ayb_jobs_up", up ? 1 : 0) +
                                            own_metrics(call, counters, events));
    response.content_type = "text/plain; version=0.0.4; charset=utf-8";
    return response;
}

} // namespace

std::vector<Route> probe_routes(const Counters &counters, Events &events) {
    return {{"GET", "/live", Access::open, live},
            {"GET", "/ready", Access::open, ready},
            {"GET", "/health", Access::open, health},
            {"GET", "/metrics", Access::open,
             [&counters, &events](const Call &call) { return metrics(call, counters, events); }}};
}

} // namespace ayb::api
