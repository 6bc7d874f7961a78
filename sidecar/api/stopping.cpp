#include "api/stopping.hpp"

namespace ayb::api {

namespace {

constexpr long long kLongestDrain = 3600; // seconds, as ayb_jobs.shutdown_timeout

// An empty body is none: all of the database.
http::Response switch_running(const Call &call, const char *function) {
    db::Parameter type;
    if (!call.request().body.empty()) {
        const json::Object body = call.body();
        require_known(body, {"type"});
        type = body.text("type");
    }
    const std::string sql = guarded(std::string("SELECT ayb_jobs.") + function + "($1)::text");
    call.database().ask(sql, {type && !type->empty() ? type : std::nullopt});
    return json_response("{\"status\":\"ok\"}");
}

http::Response adopt(const Call &call) {
    static const std::string sql = guarded("SELECT ayb_jobs.adopt()::text");
    call.database().ask(sql);
    return json_response("{\"status\":\"ok\"}");
}

// As the function does: waits for what runs, then interrupts it. Beyond the timeout that takes some
// seconds.
http::Response drain(const Call &call, Turns &turns) {
    static const std::string sql =
        guarded("SELECT NOT ayb_jobs.drain(make_interval(secs => $1::integer))");
    db::Parameter seconds;
    if (!call.request().body.empty()) {
        const json::Object body = call.body();
        require_known(body, {"timeoutSec"});
        if (const auto given = body.integer("timeoutSec")) {
            if (*given < 1 || *given > kLongestDrain)
                throw invalid("timeoutSec", "from 1 to 3600");
            seconds = std::to_string(*given);
        }
    }
    const Turns::Turn turn(turns, call.database().pool(), "drain", "drain already in progress");
    const LongSession session(call.database(), std::chrono::seconds(2 * kLongestDrain));
    const db::Result drained = session.ask(sql, {seconds});
    if (drained.rows() == 0)
        throw Failure(503, kNotEnabled);
    const bool interrupted = drained.at(0, 0) == "t";
    return json_response(std::string("{\"interrupted\":") + (interrupted ? "true}" : "false}"));
}

} // namespace

std::vector<Route> stopping_routes(const std::shared_ptr<Turns> &turns) {
    return {{"POST", "/api/admin/pause", Access::operate,
             [](const Call &call) { return switch_running(call, "pause"); }},
            {"POST", "/api/admin/resume", Access::operate,
             [](const Call &call) { return switch_running(call, "resume"); }},
            {"POST", "/api/admin/drain", Access::operate,
             [turns](const Call &call) { return drain(call, *turns); }},
            {"POST", "/api/admin/adopt", Access::admin, adopt}};
}

} // namespace ayb::api
