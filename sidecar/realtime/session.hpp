#pragma once
// A session of the role that asks for changes, of one thread at a time.
#include "db/connection.hpp"

#include <mutex>
#include <stdexcept>

namespace ayb::realtime {

struct SessionSettings {
    std::string dsn;
    std::string subscriber; // the role that the users of the application are in the database
};

// The session's role isn't one that may do this, or may do more.
struct WrongRole : std::runtime_error {
    using std::runtime_error::runtime_error;
};

struct Change {
    std::string action; // create, update, delete or resync
    std::string table;  // its oid
    std::string record; // JSON; of a resync ""
    std::string reason; // of a resync
    std::string id;     // to go on from
};

struct Changes {
    std::vector<Change> all;
    std::string position; // to go on from, whatever there was
    bool more = false;    // there is more already
};

class Session {
  public:
    // Throws db::Unavailable, or WrongRole.
    explicit Session(const SessionSettings &settings, std::chrono::milliseconds timeout);

    // What this identity (a JSON object of settings) may see of what has happened to these tables
    // (an array of oids) since then; without `since` only from where to go on. Throws db::Error,
    // db::Unavailable.
    Changes changes(const db::Parameter &since, const std::string &identity,
                    const std::string &tables);

    struct Woken {
        std::string seen;                // to go on from
        std::vector<std::string> tables; // their oids; none where the time was over
    };
    // Waits until something has happened to one of these tables. Throws likewise.
    Woken wait(const std::string &tables, const db::Parameter &seen);

    // Ends what the server does for us now. Any thread.
    void interrupt() const { connection_.cancel(); }
    // Whether it is to be used again.
    bool good();

  private:
    using Clock = std::chrono::steady_clock;

    void check();

    const std::string subscriber_;
    db::Connection connection_;
    const Clock::time_point opened_;
};

// The session of one thread, which is another one from time to time.
class SessionSlot {
  public:
    SessionSlot(SessionSettings settings, std::chrono::milliseconds timeout)
        : settings_(std::move(settings)), timeout_(timeout) {}

    // The one there is, or a new one. Throws like Session.
    Session &get();
    void drop();
    // Any thread.
    void interrupt();

  private:
    const SessionSettings settings_;
    const std::chrono::milliseconds timeout_;
    std::mutex mutex_; // guards that there is one
    std::unique_ptr<Session> session_;
};

} // namespace ayb::realtime
