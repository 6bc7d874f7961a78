#pragma once
// The one handler that everything comes through: whatever happens, the answer is the contract's
// JSON.
#include "api/gate.hpp"
#include "api/probes.hpp"

namespace ayb::api {

struct ApiSettings {
    GateSettings gate;
    std::chrono::milliseconds refresh_timeout{3600000};
    std::size_t max_listeners = 256;
};

// Told of each request that was answered.
using AccessLog = std::function<void(const http::Request &, const std::string &client, int status,
                                     std::chrono::microseconds took, const std::string &error)>;

class Api {
  public:
    Api(db::Pool &pool, const ApiSettings &settings, AccessLog log);

    // A request from a client: who it is is looked at. Never throws.
    http::Response serve(const http::Request &request) noexcept;
    // One from within, such as the command line's over libpq, which is also told why the database
    // can't be reached. Never throws.
    http::Response call(const http::Request &request) noexcept;

    Events &events() { return events_; }
    Counters &counters() { return counters_; }

  private:
    http::Response admit(const http::Request &request);
    http::Response dispatch(const http::Request &request, bool admitted);
    http::Response handle(const Router::Match &match, const http::Request &request);
    bool has_extension();
    template <class Step> http::Response caught(Step step, std::string &error) noexcept;

    Database database_;
    Gate gate_;
    Events events_;
    Counters counters_;
    Router router_;
    const AccessLog log_;
};

} // namespace ayb::api
