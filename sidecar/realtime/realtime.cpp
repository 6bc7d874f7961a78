#include "realtime/realtime.hpp"

#include "login/digest.hpp"

#include <algorithm>

namespace ayb::realtime {

namespace {

constexpr std::string_view kScheme = "Bearer ";
constexpr std::size_t kLongestId = 200;
constexpr std::chrono::seconds kAskTimeout{5};

const api::Failure &bad_token() {
    static const api::Failure failure(401, "invalid or expired token");
    return failure;
}

// A role that may do too much is no matter of when it is asked for.
void check_role(const SessionSettings &settings, const Note &note) {
    try {
        const Session session(settings, kAskTimeout);
    } catch (const db::Unavailable &error) {
        note(std::string("realtime isn't served: ") + error.what());
    }
}

Filter read_filter(const std::string &text) {
    if (text.empty())
        return {};
    try {
        return Filter(text);
    } catch (const std::invalid_argument &error) {
        throw api::Failure(400, std::string("invalid filter: ") + error.what());
    }
}

// Where the client's last stream ended; nothing where this is its first. What can't be one of ours
// is as good as one that has been lost.
db::Parameter since_of(const api::Call &call) {
    std::string id(call.request().header("last-event-id"));
    if (id.empty())
        id = call.query()["lastEventId"];
    if (id.empty())
        return std::nullopt;
    const bool ours = id.size() <= kLongestId && std::all_of(id.begin(), id.end(), [](char c) {
                          const bool letter = (c | 0x20) >= 'a' && (c | 0x20) <= 'z';
                          return letter || (c >= '0' && c <= '9') || c == '-' || c == '_';
                      });
    return ours ? id : "-";
}

std::string identity_of(const tokens::Token &token) {
    std::string out;
    for (const auto &[setting, value] : token.settings)
        out += (out.empty() ? "{" : ",") + json::quote(setting) + ":" + json::quote(value);
    return out + "}";
}

} // namespace

Realtime::Realtime(const Settings &settings, db::Pool &pool, ClientOf client_of, const Note &note)
    : settings_(settings), pool_(pool), client_of_(std::move(client_of)),
      seats_(std::make_shared<Seats>(settings.seats)) {
    if (settings.hub.session.dsn.empty())
        return;
    verifier_.emplace(settings.secret_file, settings.rules);
    check_role(settings.hub.session, note);
    hub_ = std::make_unique<Hub>(settings.hub, note);
}

void Realtime::reload() {
    if (verifier_)
        verifier_->reload();
}

void Realtime::close() {
    if (hub_)
        hub_->close();
}

void Realtime::require_on() const {
    if (hub_)
        return;
    api::Failure failure(404, "realtime is not configured");
    failure.hint = "ayb-jobs serve takes the settings realtime-dsn and realtime-secret-file.";
    throw failure;
}

// A page of somebody else's is not to find out whether its visitor may listen.
void Realtime::require_origin(const http::Request &request) const {
    const std::string origin(request.header("origin"));
    const std::size_t scheme = origin.find("://");
    const auto &allowed = settings_.origins;
    const bool ours = scheme != std::string::npos &&
                      std::string_view(origin).substr(scheme + 3) == request.header("host");
    if (!origin.empty() && !ours &&
        std::find(allowed.begin(), allowed.end(), origin) == allowed.end())
        throw api::Failure(403, "origin not allowed");
}

tokens::Token Realtime::token_of(const api::Call &call) {
    const std::string_view field = call.request().header("authorization");
    std::optional<tokens::Token> token;
    if (field.substr(0, kScheme.size()) == kScheme)
        token = verifier_->verify(field.substr(kScheme.size()), login::unix_now());
    else if (const std::string &text = call.query()["token"]; !text.empty())
        token = verifier_->verify(text, login::unix_now());
    else if (const std::string &ticket = call.query()["ticket"]; !ticket.empty())
        token = tickets_.take(ticket, Tickets::Clock::now());
    else
        throw api::Failure(401, "authentication required");
    if (!token || token->expires <= login::unix_now())
        throw bad_token();
    return *std::move(token);
}

http::Response Realtime::give_ticket(const api::Call &call) {
    require_on();
    require_origin(call.request());
    const std::string_view field = call.request().header("authorization");
    if (field.substr(0, kScheme.size()) != kScheme)
        throw api::Failure(401, "authentication required");
    const auto token = verifier_->verify(field.substr(kScheme.size()), login::unix_now());
    if (!token)
        throw bad_token();
    const auto ticket = tickets_.give(*token, Tickets::Clock::now());
    if (!ticket)
        throw api::Failure(429, "too many tickets");
    return api::json_response("{\"ticket\":" + json::quote(*ticket) +
                              ",\"expiresIn\":" + std::to_string(Tickets::kLifetime.count()) + "}");
}

http::Response Realtime::listen(const api::Call &call) {
    require_on();
    require_origin(call.request());
    const tokens::Token token = token_of(call);
    const std::vector<std::string> names = read_names(call.query()["tables"]);
    Filter filter = read_filter(call.query()["filter"]);
    Tables tables = find_tables(api::Database(pool_, api::kReader),
                                settings_.hub.session.subscriber, names, token.tables, filter);
    http::Response response;
    response.content_type = "text/event-stream";
    if (call.request().method == "HEAD")
        return response;
    const std::string address = client_of_(call.request());
    auto seat = seats_->take(token.subject, address);
    if (!seat)
        throw api::Failure(429, "connection limit exceeded");
    Listener::Who who{"c" + std::to_string(++clients_), token.subject, address, token.expires};
    response.later = std::make_shared<http::Later>();
    hub_->join(identity_of(token), std::move(tables),
               {std::make_shared<Listener>(std::move(who), std::move(filter), std::move(seat)),
                since_of(call), response.later});
    return response;
}

std::vector<api::Route> Realtime::routes() {
    using api::Access;
    return {{"GET", "/api/realtime", Access::open,
             [this](const api::Call &call) { return listen(call); }},
            {"POST", "/api/realtime/ticket", Access::open,
             [this](const api::Call &call) { return give_ticket(call); }},
            {"GET", "/api/admin/realtime/stats", Access::read,
             [this](const api::Call &) { return stats(); }},
            {"GET", "/api/admin/realtime/connections", Access::read,
             [this](const api::Call &) { return connections(); }},
            {"POST", "/api/admin/realtime/connections/{client}/disconnect", Access::operate,
             [this](const api::Call &call) { return disconnect(call); }}};
}

} // namespace ayb::realtime
