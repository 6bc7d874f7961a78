#include "api/api.hpp"

#include "api/databases.hpp"
#include "api/matviews.hpp"
#include "api/openapi.hpp"
#include "api/page.hpp"
#include "api/probes.hpp"
#include "api/schedules.hpp"
#include "api/seeing.hpp"
#include "api/stopping.hpp"
#include "api/tokens.hpp"
#include "api/types.hpp"
#include "api/watches.hpp"
#include "jobs/flows.hpp"
#include "jobs/jobs.hpp"
#include "route/refusals.hpp"
#include "route/trace.hpp"

namespace ayb::api {

namespace {

void require_right(const login::Identity &caller, Access access) {
    constexpr login::Right kRights[] = {login::Right::read, login::Right::read,
                                        login::Right::operate, login::Right::admin,
                                        login::Right::work};
    const login::Right wanted = kRights[static_cast<std::size_t>(access)];
    if (login::covers(caller.right, wanted))
        return;
    Failure failure(403, "the token may not do this");
    failure.details = std::string("it takes the right ") + login::word_of(wanted);
    throw failure;
}

GateSettings with_key(GateSettings settings, db::Pool &pool) {
    settings.auth.key = database_key(pool);
    return settings;
}

} // namespace

Api::Api(std::vector<NamedPool> databases, const ApiSettings &settings, AccessLog log,
         const realtime::Note &note)
    : databases_(std::move(databases)), database_(databases_.first()),
      gate_(with_key(settings.gate, databases_.first())),
      events_(databases_, settings.max_listeners),
      realtime_(
          settings.realtime, databases_.first(),
          [this](const http::Request &request) { return gate_.client(request); }, note),
      log_(std::move(log)) {
    router_.add(gate_.routes());
    router_.add(token_routes(databases_.first()));
    router_.add(job_routes());
    router_.add(waits_.routes());
    router_.add(job_change_routes(settings.allow_commands));
    router_.add(schedule_routes(settings.allow_commands));
    const auto turns = std::make_shared<Turns>();
    router_.add(matview_routes(settings.refresh_timeout, turns));
    router_.add(stopping_routes(turns));
    router_.add(type_routes());
    router_.add(flow_routes(settings.allow_commands));
    router_.add(seeing_routes());
    router_.add(watch_routes());
    router_.add(database_routes(databases_));
    router_.add(events_.routes());
    router_.add(probe_routes(database_));
    counters_.listeners = [this] { return events_.listeners(); };
    router_.add(figures::metrics_routes(databases_, counters_, settings.metrics));
    router_.add(openapi_routes());
    router_.add(page_routes());
    router_.add(work_.routes());
    router_.add(realtime_.routes());
    counters_.realtime_listeners = [this] { return realtime_.listeners(); };
    counters_.realtime_events = [this] { return realtime_.sent(); };
}

template <class Step> http::Response Api::caught(Step step, std::string &error) noexcept {
    try {
        try {
            return step();
        } catch (const Failure &failure) {
            error = in_one(failure.what(), failure.details);
            return to_response(failure);
        } catch (const json::Error &) {
            error = kInvalidBody;
            return http::error_response(400, kInvalidBody);
        } catch (const db::Unavailable &unavailable) {
            error = unavailable.what();
            return to_response(database_away(
                unavailable.sent ? "the connection was lost; what was asked for may have been done"
                                 : ""));
        } catch (const std::exception &unexpected) {
            error = unexpected.what();
            return http::error_response(500, "internal error");
        }
    } catch (...) { // out of memory while telling
        http::Response response;
        response.status = 500;
        response.close = true;
        return response;
    }
}

http::Response Api::handle(const Router::Match &match, const http::Request &request,
                           const Database &database) {
    const Call call(request, database, http::Query(request.query), match.segments);
    try {
        return match.route->handler(call);
    } catch (const db::Error &error) {
        throw refusal(error, std::string(match.route->method) + " " + match.route->path, call);
    }
}

std::size_t Api::database_of(const http::Request &request) const noexcept {
    if (databases_.all().size() == 1)
        return 0;
    try {
        return databases_.place_of(http::Query(request.query)["database"]);
    } catch (...) { // out of memory: told when it is worked at
        return 0;
    }
}

http::Response Api::dispatch(const http::Request &request, const Caller &caller, As as) {
    const Router::Match match = router_.match(request.method, request.path);
    const bool open = match.route != nullptr && match.route->access == Access::open;
    const bool admin_path = match.route != nullptr || !match.allowed.empty() ||
                            request.path.compare(0, 11, "/api/admin/") == 0;
    if (!open && admin_path && !caller)
        throw Failure(401, "admin authentication required");
    if (match.route != nullptr && !open)
        require_right(*caller, match.route->access);
    if (match.route != nullptr) {
        db::Pool &pool = databases_.named(http::Query(request.query)["database"]);
        return handle(match, request,
                      caller && as == As::caller ? Database(pool, *caller, traceparent_of(request))
                                                 : Database(pool));
    }
    if (match.allowed.empty())
        throw Failure(404, "not found");
    http::Response response = http::error_response(405, "method not allowed");
    response.headers.emplace_back("Allow", match.allowed);
    return response;
}

http::Response Api::admit(const http::Request &request, Caller &caller) {
    gate_.require_own_page(request);
    if (request.method == "OPTIONS")
        return gate_.preflight(request);
    caller = gate_.who(request);
    return dispatch(request, caller, As::caller);
}

http::Response Api::serve(const http::Request &request) noexcept {
    const auto start = std::chrono::steady_clock::now();
    std::string error;
    Caller caller;
    http::Response response = caught([&] { return admit(request, caller); }, error);
    const auto finish = [this, caller, start, error](const http::Request &asked,
                                                     http::Response answer) {
        std::string ignored;
        return caught(
            [&] {
                if (asked.method != "OPTIONS")
                    gate_.allow_origin(asked, answer);
                answer.headers.emplace_back("X-Request-Id", asked.id);
                if (asked.path.compare(0, 13, "/api/realtime") == 0) // there may be a token in it
                    answer.headers.emplace_back("Referrer-Policy", "no-referrer");
                const auto took = std::chrono::duration_cast<std::chrono::microseconds>(
                    std::chrono::steady_clock::now() - start);
                counters_.note(answer.status, took);
                log_({asked, gate_.client(asked), caller ? caller->name : "", answer.status, took,
                      error});
                return std::move(answer);
            },
            ignored);
    };
    if (!response.later)
        return finish(request, std::move(response));
    auto asked = std::make_shared<http::Request>(request);
    asked->body.clear(); // it may wait for long
    response.later->finish_with(
        [finish, asked](http::Response answer) { return finish(*asked, std::move(answer)); });
    return response;
}

http::Response Api::call(const http::Request &request) noexcept {
    std::string error;
    // The session's own role says what may be done, and is what changes are kept under.
    static const Caller nobody = login::Identity{"", login::Right::admin};
    http::Response response = caught([&] { return dispatch(request, nobody, As::itself); }, error);
    std::string ignored;
    if (response.status == 503)
        return caught([&] { return http::error_response(503, error); }, ignored);
    return response;
}

} // namespace ayb::api
