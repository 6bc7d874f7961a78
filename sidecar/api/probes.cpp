#include "api/probes.hpp"

#include "route/fresh.hpp"

namespace ayb::api {

namespace {

http::Response live(const Call &) { return json_response("{\"status\":\"ok\"}"); }

http::Response unavailable(const std::string &body) {
    http::Response response = json_response(body, 503);
    response.headers.emplace_back("Retry-After", "1");
    return response;
}

// What the database says of itself: whether it answers, and whether the extension is in it.
struct Pulse {
    bool answers;
    bool ready;
};

Pulse feel(Database &database) noexcept {
    try {
        const auto found =
            database.ask("SELECT count(*)::text FROM pg_extension WHERE extname = 'ayb_jobs'");
        return {true, found == "1"};
    } catch (const std::exception &) {
        return {false, false};
    }
}

http::Response health(const std::optional<Pulse> &pulse) {
    return pulse && pulse->answers
               ? json_response("{\"status\":\"ok\",\"database\":\"ok\"}")
               : unavailable("{\"status\":\"error\",\"database\":\"unavailable\"}");
}

// Ready is who can answer: there is a database, and the extension in it.
http::Response ready(const std::optional<Pulse> &pulse) {
    if (pulse && pulse->ready)
        return json_response("{\"status\":\"ok\"}");
    throw pulse && pulse->answers ? Failure(503, kNotEnabled) : database_away();
}

// Lines of the text format for a metric whose samples PostgreSQL puts together.
std::string database_metrics(Database &database) {
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
        " (SELECT string_agg('ayb_jobs_check{check=\"' || h.name || '\",status=\"' || h.status"
        " || '\"} 1', E'\\n') FROM ayb_jobs.health() AS h)) || E'\\n'"
        " FROM ayb_jobs.stats() AS s";
    return database.ask(sql).value_or("");
}

std::string gauge(const char *name, std::size_t value) {
    return std::string("# TYPE ") + name + " gauge\n" + name + " " + std::to_string(value) + "\n";
}

std::string own_metrics(const Call &call, const Counters &counters, AllEvents &events) {
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
std::string asked_metrics(Database &database) noexcept {
    try {
        return database_metrics(database) + gauge("ayb_jobs_up", 1);
    } catch (const std::exception &) {
        return gauge("ayb_jobs_up", 0);
    }
}

http::Response metrics(const std::optional<std::string> &asked, const Call &call,
                       const Counters &counters, AllEvents &events) {
    if (!asked)
        throw Failure(503, "the first metrics are being asked for");
    http::Response response = json_response(*asked + own_metrics(call, counters, events));
    response.content_type = "text/plain; version=0.0.4; charset=utf-8";
    return response;
}

} // namespace

// None of these wants a token, so all of them together cost the database a few statements a second,
// however often they are asked for.
std::vector<Route> probe_routes(Database &database, const Counters &counters, AllEvents &events) {
    constexpr std::chrono::milliseconds kPulse{200}, kMetrics{1000};
    const auto pulse =
        std::make_shared<Fresh<Pulse>>(kPulse, [&database] { return feel(database); });
    const auto asked = std::make_shared<Fresh<std::string>>(
        kMetrics, [&database] { return asked_metrics(database); });
    return {
        {"GET", "/live", Access::open, live},
        {"GET", "/ready", Access::open, [pulse](const Call &) { return ready(pulse->get()); }},
        {"GET", "/health", Access::open, [pulse](const Call &) { return health(pulse->get()); }},
        {"GET", "/metrics", Access::open, [asked, &counters, &events](const Call &call) {
             return metrics(asked->get(), call, counters, events);
         }}};
}

} // namespace ayb::api
