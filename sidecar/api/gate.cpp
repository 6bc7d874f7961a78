#include "api/gate.hpp"

#include <Poco/Net/IPAddress.h>

#include <algorithm>

namespace ayb::api {

namespace {

using Poco::Net::IPAddress;

bool matches(const std::string &network, const IPAddress &address) {
    const std::size_t slash = network.find('/');
    IPAddress base;
    if (!IPAddress::tryParse(network.substr(0, slash), base) || base.family() != address.family())
        return false;
    if (slash == std::string::npos)
        return base == address;
    const IPAddress mask(static_cast<unsigned>(std::stoul(network.substr(slash + 1))),
                         base.family());
    return (address & mask) == (base & mask);
}

// Who has a file's token needs no password, and isn't counted.
Failure too_many(long long seconds) {
    Failure failure(429, "too many requests");
    failure.details = "again in " + std::to_string(seconds) + " s";
    failure.hint = "The token of the setting token-file is taken at any time.";
    return failure;
}

std::string last_hop(std::string_view forwarded) {
    const std::size_t comma = forwarded.rfind(',');
    std::string hop(comma == std::string_view::npos ? forwarded : forwarded.substr(comma + 1));
    hop.erase(0, hop.find_first_not_of(' '));
    return hop;
}

} // namespace

Gate::Gate(const GateSettings &settings)
    : settings_(settings), auth_(settings.auth), limit_(settings.login_limit) {}

bool Gate::trusted(const std::string &address) const {
    IPAddress parsed;
    return IPAddress::tryParse(address, parsed) &&
           std::any_of(settings_.trusted_proxies.begin(), settings_.trusted_proxies.end(),
                       [&](const std::string &network) { return matches(network, parsed); });
}

// Walks back from us: each trusted proxy wrote down whom it spoke with.
std::string Gate::client(const http::Request &request) const {
    std::string address = request.peer;
    std::string forwarded(request.header("x-forwarded-for"));
    while (!forwarded.empty() && trusted(address)) {
        const std::string hop = last_hop(forwarded);
        IPAddress parsed;
        if (!IPAddress::tryParse(hop, parsed))
            break;
        address = parsed.toString();
        const std::size_t comma = forwarded.rfind(',');
        forwarded.erase(comma == std::string::npos ? 0 : comma);
    }
    return address;
}

void Gate::allow_origin(const http::Request &request, http::Response &response) const {
    const std::string origin(request.header("origin"));
    const auto &allowed = settings_.cors_origins;
    if (allowed.empty())
        return;
    response.headers.emplace_back("Vary", "Origin");
    if (origin.empty() || std::find(allowed.begin(), allowed.end(), origin) == allowed.end())
        return;
    response.headers.emplace_back("Access-Control-Allow-Origin", origin);
    response.headers.emplace_back("Access-Control-Expose-Headers",
                                  "X-Request-Id, Retry-After, X-RateLimit-Limit, "
                                  "X-RateLimit-Remaining, X-RateLimit-Reset");
}

http::Response Gate::preflight(const http::Request &request) const {
    http::Response response = no_content();
    allow_origin(request, response);
    response.headers.emplace_back("Access-Control-Allow-Methods",
                                  "GET, POST, PUT, PATCH, DELETE, OPTIONS");
    response.headers.emplace_back("Access-Control-Allow-Headers",
                                  "Authorization, Content-Type, Last-Event-ID");
    response.headers.emplace_back("Access-Control-Max-Age", "600");
    return response;
}

// host[:port]: a name that can only mean this machine, so that no name server can make it ours.
bool Gate::is_ours(std::string_view authority) const {
    std::string host(authority);
    const std::size_t bracket = host.rfind(']');
    const std::size_t colon = host.rfind(':');
    if (colon != std::string::npos && (bracket == std::string::npos || colon > bracket))
        host.erase(colon);
    if (host.size() > 2 && host.front() == '[' && host.back() == ']')
        host = host.substr(1, host.size() - 2);
    for (char &c : host)
        if (c >= 'A' && c <= 'Z')
            c = static_cast<char>(c | 0x20);
    IPAddress address;
    return host == "localhost" || host == settings_.listen_host ||
           (IPAddress::tryParse(host, address) && address.isLoopback());
}

void Gate::require_own_page(const http::Request &request) const {
    if (!auth_.open())
        return;
    if (!request.header("host").empty() && !is_ours(request.header("host")))
        throw Failure(403, "without authentication only this machine's own names are served");
    const std::string origin(request.header("origin"));
    const std::size_t scheme = origin.find("://");
    const auto &allowed = settings_.cors_origins;
    const bool known = std::find(allowed.begin(), allowed.end(), origin) != allowed.end();
    const bool ours = scheme != std::string::npos &&
                      std::string_view(origin).substr(scheme + 3) == request.header("host");
    const std::string_view site = request.header("sec-fetch-site");
    const bool foreign = (!origin.empty() && !ours) || site == "cross-site" || site == "same-site";
    if (foreign && !known)
        throw Failure(403, "without authentication other pages are not served");
    std::string_view type = request.header("content-type");
    type = type.substr(0, type.find(';'));
    if (!request.body.empty() && type != "application/json")
        throw Failure(403, "without authentication a body has to be application/json");
}

http::Response Gate::check_password(const Call &call) const {
    if (!auth_.password_configured())
        throw Failure(404, "admin auth not configured");
    const auto token = auth_.log_in(call.body().text("password").value_or(""));
    if (!token)
        throw Failure(401, "invalid password");
    return json_response("{\"token\":" + json::quote(*token) + "}");
}

http::Response Gate::log_in(const Call &call) {
    const login::LoginLimit::Verdict verdict =
        limit_.attempt(client(call.request()), login::LoginLimit::Clock::now());
    http::Response response;
    try {
        if (!verdict.allowed)
            throw too_many(verdict.retry_after);
        response = check_password(call);
    } catch (const Failure &failure) {
        response = to_response(failure);
    } catch (const json::Error &) {
        response = http::error_response(400, kInvalidBody);
    }
    response.headers.emplace_back("X-RateLimit-Limit", std::to_string(verdict.limit));
    response.headers.emplace_back("X-RateLimit-Remaining", std::to_string(verdict.remaining));
    response.headers.emplace_back("X-RateLimit-Reset", std::to_string(verdict.reset));
    if (!verdict.allowed)
        response.headers.emplace_back("Retry-After", std::to_string(verdict.retry_after));
    return response;
}

std::vector<Route> Gate::routes() {
    return {{"GET", "/api/admin/status", Access::open,
             [this](const Call &) {
                 return json_response(auth_.open() ? "{\"auth\":false}" : "{\"auth\":true}");
             }},
            {"POST", "/api/admin/auth", Access::open,
             [this](const Call &call) { return log_in(call); }}};
}

} // namespace ayb::api
