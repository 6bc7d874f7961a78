#pragma once
// What stands before every route: who the client is, cross-origin rules, logging in, the token.
#include "login/auth.hpp"
#include "login/login_limit.hpp"
#include "route/router.hpp"

namespace ayb::api {

struct GateSettings {
    login::AuthSettings auth;
    std::size_t login_limit = 20;
    std::vector<std::string> trusted_proxies; // addresses, or networks such as 10.0.0.0/8
    std::vector<std::string> cors_origins;
    std::string listen_host; // the address that we listen on
};

class Gate {
  public:
    explicit Gate(const GateSettings &settings);

    // The address that counts: the peer's, or what a trusted proxy says of it.
    std::string client(const http::Request &request) const;
    // Adds what a browser wants to hear where the request's origin is allowed.
    void allow_origin(const http::Request &request, http::Response &response) const;
    // Where everybody is let in, any page that a browser shows could ask in its user's place.
    // Throws 403 unless the request is for us by name, comes from our own page or from no page, and
    // says that its body is JSON, which no form can.
    void require_own_page(const http::Request &request) const;
    http::Response preflight(const http::Request &request) const;
    std::optional<login::Identity> who(const http::Request &request) const {
        return auth_.who(request.header("authorization"));
    }
    void reload() { auth_.reload(); }

    std::vector<Route> routes();

  private:
    http::Response log_in(const Call &call);
    http::Response check_password(const Call &call) const;
    bool trusted(const std::string &address) const;
    bool is_ours(std::string_view authority) const;

    const GateSettings settings_;
    login::Auth auth_;
    login::LoginLimit limit_;
};

} // namespace ayb::api
