#pragma once
// The one handler that everything comes through: whatever happens, the answer is the contract's
// JSON.
#include "api/events.hpp"
#include "api/gate.hpp"
#include "figures/metrics.hpp"
#include "http/later.hpp"
#include "jobs/waits.hpp"
#include "realtime/realtime.hpp"
#include "worker/routes.hpp"

namespace ayb::api {

struct ApiSettings {
    GateSettings gate;
    std::chrono::milliseconds refresh_timeout{3600000};
    std::size_t max_listeners = 256;
    figures::Shown metrics;
    bool allow_commands = false; // whether jobs may be made whose payload says what is run
    realtime::Settings realtime; // of the first database
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
    // `note` is for what isn't a request. Throws std::runtime_error where a file can't be read, or
    // realtime can't be served as it has to be.
    Api(
        std::vector<NamedPool> databases, const ApiSettings &settings, AccessLog log,
        const realtime::Note &note = [](const std::string &) {});

    // Which of the databases the request is about, from 0: what it is to wait for.
    std::size_t database_of(const http::Request &request) const noexcept;

    // A request from a client: who it is is looked at. Never throws.
    http::Response serve(const http::Request &request) noexcept;
    // One from within, such as the command line's over libpq, which is also told why the database
    // can't be reached. Never throws.
    http::Response call(const http::Request &request) noexcept;

    // Reads the files of tokens and secrets again. Throws std::runtime_error, and keeps what it had
    // of one that can't be read.
    void reload() {
        gate_.reload();
        realtime_.reload();
    }
    // Nobody is let wait any more, for events, changes or jobs.
    void close() {
        events_.close();
        realtime_.close();
        work_.close();
        waits_.close();
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
    AllWaits waits_;
    realtime::Realtime realtime_;
    figures::Counters counters_;
    Router router_;
    const AccessLog log_;
};

} // namespace ayb::api
