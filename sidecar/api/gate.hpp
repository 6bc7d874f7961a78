#pragma once
// What stands before every route: who the client is, cross-origin rules, logging in, the token.
#include "api/auth.hpp"
#include "api/login_limit.hpp"
#include "api/router.hpp"

namespace ayb::api {

struct GateSettings {
    AuthSettings auth;
    std::size_t login_limit = 20;
    std::vector<std::string> trusted_proxies; // addresses, or networks such as 10.0.0.0/8
    std::vector<std::string> cors_origins;
};

class Gate {
  public:
    explicit Gate(const GateSettings &settings);

    // The address that counts: the peer's, or what a trusted proxy says of it.
    std::string client(const http::Request &request) const;
    // Adds what a browser wants to hear where the request's origin is allowed.
    void allow_origin(const http::Request &request, http::Response &response) const;
    http::Response preflight(const http::Request &request) const;
    bool allows(const http::Request &request) const {
        return auth_.allows(request.header("authorization"));
    }

    std::vector<Route> routes();

  private:
    http::Response log_in(const Call &call);
    http::Response check_password(const Call &call) const;
    bool trusted(const std::string &address) const;

    const GateSettings settings_;
    const Auth auth_;
    LoginLimit limit_;
};

} // namespace ayb::api
