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

} // namespace

// None of these wants a token, so all of them together cost the database a few statements a second,
// however often they are asked for.
std::vector<Route> probe_routes(Database &database) {
    constexpr std::chrono::milliseconds kPulse{200};
    const auto pulse =
        std::make_shared<Fresh<Pulse>>(kPulse, [&database] { return feel(database); });
    return {
        {"GET", "/live", Access::open, live},
        {"GET", "/ready", Access::open, [pulse](const Call &) { return ready(pulse->get()); }},
        {"GET", "/health", Access::open, [pulse](const Call &) { return health(pulse->get()); }}};
}

} // namespace ayb::api
