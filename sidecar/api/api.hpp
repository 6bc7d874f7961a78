#pragma once
// The one handler that everything comes through: whatever happens, the answer is the contract's
// JSON.
#include "api/events.hpp"
#include "api/gate.hpp"
#include "figures/metrics.hpp"
#include "http/later.hpp"
#include "worker/routes.hpp"

namespace ayb::api {

struct ApiSettings {
    GateSettings gate;
    std::chrono::milliseconds refresh_timeout{3600000};
    std::size_t max_listeners = 256;
    figures::Shown metrics;
    bool allow_commands = false; // whether jobs may be made whose payload says what is run
};

// A request that was answered.
struct Served {
    const http::Request &request;
    std::string client;
    std::string actor; // its token's name; "" where it had none
    int status;
    std::chrono::microseconds took;
    std::string error;
};
using AccessLog = std::function<void(const Served &)>;

class Api {
  public:
    Api(std::vector<NamedPool> databases, const ApiSettings &settings, AccessLog log);

    // Which of the databases the request is about, from 0: what it is to wait for.
    std::size_t database_of(const http::Request &request) const noexcept;

    // A request from a client: who it is is looked at. Never throws.
    http::Response serve(const http::Request &request) noexcept;
    // One from within, such as the command line's over libpq, which is also told why the database
    // can't be reached. Never throws.
    http::Response call(const http::Request &request) noexcept;

    // Reads the file of tokens again. Throws std::runtime_error, and keeps what it had then.
    void reload() { gate_.reload(); }
    // Nobody is let wait any more, for events or for jobs.
    void close() {
        events_.close();
        work_.close();
    }
    figures::Counters &counters() { return counters_; }

  private:
    using Caller = std::optional<login::Identity>;

    http::Response admit(const http::Request &request, Caller &caller);
    // As whom the database is asked: the role of the caller's right, or the session's own.
    enum class As { caller, itself };
    http::Response dispatch(const http::Request &request, const Caller &caller, As as);
    http::Response handle(const Router::Match &match, const http::Request &request,
                          const Database &database);
    template <class Step> http::Response caught(Step step, std::string &error) noexcept;

    const Databases databases_;
    Database database_; // the first, for what nobody asks in his own name
    Gate gate_;
    AllEvents events_;
    worker::Work work_;
    figures::Counters counters_;
    Router router_;
    const AccessLog log_;
};

} // namespace ayb::api
