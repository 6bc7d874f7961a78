#include "db/opening.hpp"

#include "db/error.hpp"
#include "db/hosts.hpp"

#include <libpq-fe.h>
#include <poll.h>

#include <algorithm>
#include <chrono>
#include <cstdlib>
#include <map>
#include <memory>
#include <optional>

namespace ayb::db {

namespace {

using Clock = std::chrono::steady_clock;
using Options = std::map<std::string, std::string>;

// How long the walk is left alone, and how long who said no.
constexpr std::chrono::milliseconds kMoment{250};

// A session on its way.
class Attempt {
  public:
    explicit Attempt(PGconn *connection) : connection_(connection, PQfinish) {
        if (PQstatus(connection) == CONNECTION_BAD)
            state_ = PGRES_POLLING_FAILED;
    }

    pollfd awaited() const {
        const bool reads = state_ == PGRES_POLLING_READING;
        return {PQsocket(connection_.get()), static_cast<short>(reads ? POLLIN : POLLOUT), 0};
    }
    void go_on() { state_ = PQconnectPoll(connection_.get()); }

    bool open() const { return state_ == PGRES_POLLING_OK; }
    bool failed() const { return state_ == PGRES_POLLING_FAILED; }
    PGconn *get() const { return connection_.get(); }
    PGconn *release() { return connection_.release(); }

  private:
    std::unique_ptr<PGconn, decltype(&PQfinish)> connection_;
    PostgresPollingStatusType state_ = PGRES_POLLING_WRITING;
};

// What stands before the DSN is a default that it may change; what stands after it is not. A server
// whose machine acknowledges nothing for two seconds is given up, whatever it is being asked.
PGconn *start_walk(const std::string &dsn) {
    const char *names[] = {"target_session_attrs",
                           "connect_timeout",
                           "tcp_user_timeout",
                           "keepalives_idle",
                           "keepalives_interval",
                           "fallback_application_name",
                           "dbname",
                           "client_encoding",
                           nullptr};
    const char *values[] = {"read-write", "3",         "2000", "2",    "1",
                            "ayb-jobs",   dsn.c_str(), "UTF8", nullptr};
    return PQconnectStartParams(names, values, 1);
}

PGconn *start_one(const Options &options) {
    std::vector<const char *> names, values;
    for (const auto &[name, value] : options) {
        names.push_back(name.c_str());
        values.push_back(value.c_str());
    }
    names.push_back(nullptr);
    values.push_back(nullptr);
    return PQconnectStartParams(names.data(), values.data(), 0);
}

// What libpq made of its string, environment, service and defaults.
Options options_of(PGconn *connection) {
    Options out;
    PQconninfoOption *const options = PQconninfo(connection);
    for (const PQconninfoOption *option = options; option && option->keyword; option++)
        if (option->val && *option->val)
            out[option->keyword] = option->val;
    PQconninfoFree(options);
    return out;
}

// As libpq reads it: 0 is for ever, and 1 is 2.
std::optional<std::chrono::seconds> connect_timeout(const Options &options) {
    const auto found = options.find("connect_timeout");
    const int seconds = found == options.end() ? 0 : std::atoi(found->second.c_str());
    if (seconds <= 0)
        return std::nullopt;
    return std::chrono::seconds(std::max(seconds, 2));
}

// One address, asked again and again.
class Server {
  public:
    Server(Options options, const Host &host) : options_(std::move(options)) {
        options_["host"] = host.name;
        options_["hostaddr"] = host.address;
        options_["port"] = host.port;
        prefers_standby_ = options_["target_session_attrs"] == "prefer-standby";
        why_ = "connection to server at \"" + (host.name.empty() ? host.address : host.name) +
               "\", port " + host.port + " failed: timeout expired";
    }

    // What to wait for, and until when at the longest.
    pollfd awaited() const { return attempt_ ? attempt_->awaited() : pollfd{-1, 0, 0}; }
    Clock::time_point due() const { return attempt_ ? Clock::time_point::max() : due_; }

    // After that.
    void go_on(bool ready) {
        if (!attempt_ && Clock::now() >= due_)
            ask();
        else if (attempt_ && ready)
            attempt_->go_on();
        if (attempt_ && attempt_->failed())
            refused();
    }

    PGconn *release() { return attempt_ && attempt_->open() ? attempt_->release() : nullptr; }
    const std::string &why() const { return why_; }

  private:
    void ask() {
        if (prefers_standby_)
            options_["target_session_attrs"] = asked_ ? "any" : "standby";
        asked_ = true;
        attempt_.emplace(start_one(options_));
    }

    void refused() {
        why_ = last_error(attempt_->get());
        attempt_.reset();
        due_ = Clock::now() + kMoment;
    }

    Options options_;
    bool prefers_standby_ = false;
    bool asked_ = false;
    std::optional<Attempt> attempt_;
    Clock::time_point due_ = Clock::now();
    std::string why_;
};

// The walk, and beside it the servers that are asked by themselves, once it takes longer.
class Opening {
  public:
    explicit Opening(const std::string &dsn)
        : walk_(start_walk(dsn)), options_(options_of(walk_.get())), alone_until_(now() + kMoment) {
        if (const auto timeout = connect_timeout(options_))
            end_ = now() + *timeout;
    }

    PGconn *run() {
        while (!walk_.failed() && now() < end_) {
            wait();
            if (PGconn *connection = take_open())
                return connection;
            if (now() >= alone_until_)
                ask_each();
        }
        throw Unavailable(why());
    }

  private:
    static Clock::time_point now() { return Clock::now(); }

    // Until something has come from somebody, or somebody is to be asked.
    void wait() {
        std::vector<pollfd> looks{walk_.awaited()};
        Clock::time_point until = std::min(end_, alone_until_);
        for (const Server &server : servers_) {
            looks.push_back(server.awaited());
            until = std::min(until, server.due());
        }
        const auto left = std::chrono::ceil<std::chrono::milliseconds>(until - now()).count();
        constexpr long kLongest = 60'000; // not all that long is an int
        if (::poll(looks.data(), looks.size(), static_cast<int>(std::clamp(left, 0L, kLongest))) <
            0)
            return;
        if (looks[0].revents != 0)
            walk_.go_on();
        for (std::size_t i = 0; i < servers_.size(); i++)
            servers_[i].go_on(looks[i + 1].revents != 0);
    }

    PGconn *take_open() {
        if (walk_.open())
            return walk_.release();
        for (Server &server : servers_)
            if (PGconn *connection = server.release())
                return connection;
        return nullptr;
    }

    // A single address is asked by the walk.
    void ask_each() {
        alone_until_ = Clock::time_point::max();
        for (const Host &host : hosts_of(options_["host"], options_["hostaddr"], options_["port"]))
            for (const Host &address : with_addresses(host))
                servers_.emplace_back(options_, address);
        if (servers_.size() == 1)
            servers_.clear();
    }

    std::string why() const {
        if (walk_.failed())
            return last_error(walk_.get());
        std::string out;
        for (const Server &server : servers_)
            out += (out.empty() ? "" : "\n") + server.why();
        return out.empty() ? last_error(walk_.get()) + "timeout expired" : out;
    }

    Attempt walk_;
    Options options_;
    Clock::time_point alone_until_;
    Clock::time_point end_ = Clock::time_point::max();
    std::vector<Server> servers_;
};

} // namespace

PGconn *open(const std::string &dsn) { return Opening(dsn).run(); }

std::string last_error(const PGconn *connection) {
    std::string text = PQerrorMessage(connection);
    while (!text.empty() && text.back() == '\n')
        text.pop_back();
    return text;
}

} // namespace ayb::db
