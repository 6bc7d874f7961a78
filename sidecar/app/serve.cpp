#include "app/serve.hpp"

#include "api/api.hpp"
#include "app/log.hpp"
#include "http/front.hpp"
#include "login/files.hpp"
#include "route/trace.hpp"

#include <Poco/Net/Context.h>
#include <Poco/Net/NetSSL.h>
#include <Poco/Net/SecureServerSocket.h>

#include <openssl/ssl.h>
#include <sys/resource.h>

#include <algorithm>
#include <atomic>
#include <csignal>
#include <list>
#include <thread>

namespace ayb::app {

namespace {

std::chrono::milliseconds milliseconds(const Settings &settings, const char *name) {
    return std::chrono::milliseconds(settings.number(name));
}

// As many clients as there are descriptors for, beside the sessions and what else is open: a client
// must not take the one that its answer needs.
std::size_t affordable_clients(std::size_t wanted, std::size_t sessions) {
    constexpr std::size_t kOthers = 64;
    rlimit limit{};
    if (getrlimit(RLIMIT_NOFILE, &limit) != 0 || limit.rlim_cur == RLIM_INFINITY)
        return wanted;
    const std::size_t taken = sessions + kOthers;
    const std::size_t left = limit.rlim_cur > taken ? limit.rlim_cur - taken : 1;
    if (left < wanted)
        log_warning("fewer clients than max-connections: descriptors are limited",
                    {{"clients", left}});
    return std::min(wanted, left);
}

http::FrontSettings front_settings(const Settings &settings, std::size_t databases) {
    http::FrontSettings front;
    front.lanes = databases;
    front.reader = {front.reader.head_bytes, api::kLongestBody, api::kLargePath, api::kLargeBody};
    front.max_connections =
        affordable_clients(static_cast<std::size_t>(settings.number("max-connections")),
                           databases * static_cast<std::size_t>(settings.number("pool-size")));
    front.threads = static_cast<unsigned>(settings.number("threads"));
    front.deadlines.head = milliseconds(settings, "header-timeout");
    front.deadlines.body = milliseconds(settings, "body-timeout");
    front.deadlines.idle = milliseconds(settings, "idle-timeout");
    return front;
}

db::PoolSettings pool_settings(const Settings &settings, const std::string &dsn) {
    db::PoolSettings pool;
    pool.connection.dsn = dsn;
    pool.connection.statement_timeout = milliseconds(settings, "statement-timeout");
    pool.size = static_cast<std::size_t>(settings.number("pool-size"));
    pool.wait = milliseconds(settings, "pool-wait");
    return pool;
}

std::size_t size(const Settings &settings, const char *name) {
    return static_cast<std::size_t>(settings.number(name));
}

tokens::Rules token_rules(const Settings &settings) {
    tokens::Rules rules;
    try {
        rules.claims = tokens::read_claim_rules(settings.words("realtime-claims"));
    } catch (const std::invalid_argument &error) {
        throw UsageError(std::string("realtime-claims: ") + error.what());
    }
    rules.refuse = settings.words("realtime-refuse");
    rules.audience = settings.text("realtime-audience");
    rules.issuer = settings.text("realtime-issuer");
    return rules;
}

realtime::Settings realtime_settings(const Settings &settings) {
    constexpr std::size_t kMegabyte = 1024 * 1024;
    realtime::Settings realtime;
    realtime.hub.session = {settings.text("realtime-dsn"), settings.text("realtime-role")};
    realtime.hub.budget = milliseconds(settings, "realtime-budget");
    realtime.hub.buffer = size(settings, "realtime-buffer") * kMegabyte;
    realtime.seats = {size(settings, "realtime-identity-streams"),
                      size(settings, "realtime-address-streams"),
                      size(settings, "realtime-streams")};
    realtime.secret_file = settings.text("realtime-secret-file");
    realtime.rules = token_rules(settings);
    realtime.origins = settings.words("cors-origins");
    return realtime;
}

api::ApiSettings api_settings(const Settings &settings) {
    api::ApiSettings api;
    api.gate.auth.password = settings.text("password");
    api.gate.auth.password_file = settings.text("password-file");
    api.gate.auth.token_file = settings.text("token-file");
    api.gate.auth.tokens_file = settings.text("tokens-file");
    api.gate.auth.no_auth = login::right_of(settings.text("no-auth"));
    api.gate.auth.lifetime = std::chrono::seconds(settings.number("token-lifetime"));
    api.gate.login_limit = static_cast<std::size_t>(settings.number("login-limit"));
    api.gate.trusted_proxies = settings.words("trusted-proxies");
    api.gate.cors_origins = settings.words("cors-origins");
    api.gate.listen_host = Poco::Net::SocketAddress(settings.text("listen")).host().toString();
    api.refresh_timeout = milliseconds(settings, "refresh-timeout");
    api.allow_commands = settings.flag("allow-commands");
    // Beyond what the database tells apart there are none.
    api.metrics.most_types = static_cast<int>(std::min(settings.number("metrics-types"), 1024LL));
    api.metrics.wants_token = settings.flag("metrics-auth");
    api.max_listeners = size(settings, "max-listeners");
    api.realtime = realtime_settings(settings);
    return api;
}

// Who may write the file may log in with a word of his own. To be read by others is how containers
// mount secrets, so that is only said.
void check_secret(const Settings &settings, const char *name) {
    const std::string &file = settings.text(name);
    if (file.empty())
        return;
    const login::FileRights rights = login::rights_of(file);
    if (rights == login::FileRights::writable_by_others)
        throw UsageError(std::string(name) + ": others than its owner may write " + file);
    if (rights == login::FileRights::readable_by_others)
        log_warning("others than its owner may read a file with a secret",
                    {{"setting", name}, {"file", file}});
    if (rights == login::FileRights::unreadable)
        log_warning("a file with a secret can't be read", {{"setting", name}, {"file", file}});
}

Poco::Net::ServerSocket listen(const Settings &settings) {
    const Poco::Net::SocketAddress address(settings.text("listen"));
    if (login::right_of(settings.text("no-auth")) && !address.host().isLoopback())
        throw UsageError("no-auth is for a loopback address only");
    const std::string &certificate = settings.text("tls-certificate");
    const std::string &key = settings.text("tls-key");
    if (certificate.empty() != key.empty())
        throw UsageError("tls-certificate and tls-key go together");
    constexpr int kBacklog = 1024;
    if (certificate.empty())
        return Poco::Net::ServerSocket(address, kBacklog);
    Poco::Net::Context::Ptr context(new Poco::Net::Context(
        Poco::Net::Context::TLS_SERVER_USE, key, certificate, "", Poco::Net::Context::VERIFY_NONE));
    context->requireMinimumProtocol(Poco::Net::Context::PROTO_TLSV1_2);
    // What didn't go at once is offered again from another place, and with more behind it.
    SSL_CTX_set_mode(context->sslContext(),
                     SSL_MODE_ENABLE_PARTIAL_WRITE | SSL_MODE_ACCEPT_MOVING_WRITE_BUFFER);
    return Poco::Net::SecureServerSocket(address, kBacklog, context);
}

// A descriptor each for thousands of clients.
void raise_descriptor_limit() {
    rlimit limit{};
    if (getrlimit(RLIMIT_NOFILE, &limit) != 0)
        return;
    limit.rlim_cur = limit.rlim_max;
    setrlimit(RLIMIT_NOFILE, &limit);
}

sigset_t our_signals() {
    sigset_t signals;
    sigemptyset(&signals);
    sigaddset(&signals, SIGTERM);
    sigaddset(&signals, SIGINT);
    sigaddset(&signals, SIGHUP);
    return signals;
}

// Only the path: a query may hold what isn't to be logged.
void log_access(const api::Served &served) {
    const http::Request &request = served.request;
    const LogFields fields = {{"requestId", request.id},
                              {"client", served.client},
                              {"actor", served.actor},
                              {"method", request.method},
                              {"path", request.path},
                              {"status", served.status},
                              {"micros", served.took.count()},
                              {"error", served.error},
                              {"traceparent", api::traceparent_of(request)}};
    if (served.status >= 500)
        log_error("request", fields);
    else
        log_information("request", fields);
}

void reload(api::Api &api) {
    try {
        api.reload();
        log_information("read the tokens again");
    } catch (const std::exception &error) {
        log_error("the tokens stay as they were", {{"error", error.what()}});
    }
}

// Waits for signals, in a thread of its own: a handler may do next to nothing.
class Stopper {
  public:
    Stopper(http::Front &front, api::Api &api)
        : thread_([&front, &api, this] {
              const sigset_t signals = our_signals();
              int signal = 0;
              while (sigwait(&signals, &signal) == 0 && signal == SIGHUP)
                  reload(api);
              if (!done_)
                  log_information("stopping", {{"signal", signal}});
              api.close();
              front.stop();
          }) {}
    ~Stopper() {
        done_ = true;
        pthread_kill(thread_.native_handle(), SIGINT); // it waits for it, nobody handles it
        thread_.join();
    }
    Stopper(const Stopper &) = delete;
    Stopper &operator=(const Stopper &) = delete;

  private:
    std::atomic<bool> done_{false};
    std::thread thread_;
};

db::Pool::Note note_of(const std::string &database) {
    return [database](const std::string &what) { log_warning(what, {{"database", database}}); };
}

void run(const Settings &settings) {
    const Poco::Net::ServerSocket listener = listen(settings);
    for (const char *name :
         {"password-file", "token-file", "tokens-file", "realtime-secret-file", "tls-key"})
        check_secret(settings, name);
    const auto databases = settings.databases();
    std::list<db::Pool> pools;
    std::vector<api::NamedPool> named;
    named.reserve(databases.size());
    for (const auto &[name, dsn] : databases)
        named.push_back({name, pools.emplace_back(pool_settings(settings, dsn), note_of(name))});
    api::Api api(named, api_settings(settings), log_access,
                 [](const std::string &what) { log_warning(what); });
    http::Front front(
        listener, front_settings(settings, databases.size()),
        [&api](const http::Request &request) { return api.serve(request); },
        [&api](const http::Request &request) { return api.database_of(request); });
    api.counters().connections = [&front] { return front.connections(); };
    log_information("listening", {{"address", listener.address().toString()},
                                  {"tls", settings.text("tls-certificate").empty() ? "" : "on"}});
    {
        const Stopper stopper(front, api);
        front.run(milliseconds(settings, "stop-timeout"));
    }
    log_information("stopped");
}

} // namespace

int serve(const Settings &settings) {
    start_log(settings.text("log-level"));
    raise_descriptor_limit();
    std::signal(SIGPIPE, SIG_IGN);
    const sigset_t signals = our_signals();
    pthread_sigmask(SIG_BLOCK, &signals, nullptr);
    try {
        run(settings);
    } catch (const Poco::Exception &error) {
        log_error("can't serve", {{"error", error.displayText()}});
        return 1;
    }
    return 0;
}

} // namespace ayb::app
