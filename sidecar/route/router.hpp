#pragma once
// Which function answers which method and path.
#include "route/call.hpp"

namespace ayb::api {

// What a caller needs: nothing at all, or a token with this right.
enum class Access { open, read, operate, admin, work };

struct Route {
    const char *method;
    const char *path; // segments in braces match any one
    Access access;
    std::function<http::Response(const Call &)> handler;
};

class Router {
  public:
    void add(std::vector<Route> routes);

    struct Match {
        const Route *route = nullptr; // none: no such path, or not with this method
        std::vector<std::string> segments;
        std::string allowed; // the path's methods; "" where there is no such path
    };
    // A slash at the end is harmless. HEAD is GET.
    Match match(const std::string &method, const std::string &path) const;

  private:
    struct Entry {
        Route route;
        std::vector<std::string> pattern;
    };
    std::vector<Entry> entries_;
};

} // namespace ayb::api
