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
                                  "GET, POST, PUT, DELETE, OPTIONS");
    response.headers.emplace_back("Access-Control-Allow-Headers",
                                  "Authorization, Content-Type, Last-Event-ID");
    response.headers.emplace_back("Access-Control-Max-Age", "600");
    return response;
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
    const LoginLimit::Verdict verdict =
        limit_.attempt(client(call.request()), LoginLimit::Clock::now());
    http::Response response;
    try {
        if (!verdict.allowed)
            throw Failure(429, "too many requests");
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
