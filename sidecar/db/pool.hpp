#pragma once
// A bounded number of sessions. Nobody waits for one longer than `wait`; while the database is away
// one caller at a time tries to reach it, less and less often, and the rest are told so at once.
#include "db/connection.hpp"

#include <condition_variable>
#include <functional>
#include <mutex>

namespace ayb::db {

struct PoolSettings {
    ConnectionSettings connection;
    std::size_t size = 8;
    std::chrono::milliseconds wait{2000};
};

class Pool {
  public:
    // Told, for the log, when the database goes away and when it is back.
    using Note = std::function<void(const std::string &)>;

    Pool(PoolSettings settings, Note note);

    // A session for as long as this lives; one that broke is not given back.
    class Lease {
      public:
        Lease(Pool &pool, std::unique_ptr<Connection> connection)
            : pool_(pool), connection_(std::move(connection)) {}
        ~Lease();
        Lease(const Lease &) = delete;
        Lease &operator=(const Lease &) = delete;
        Connection *operator->() const { return connection_.get(); }
        Connection &session() const { return *connection_; }

      private:
        Pool &pool_;
        std::unique_ptr<Connection> connection_;
    };

    // Throws Unavailable.
    Lease lease();

    // Sessions that are open, and of these, lent.
    struct Usage {
        std::size_t open;
        std::size_t lent;
    };
    Usage usage();

    const PoolSettings &settings() const { return settings_; }

  private:
    using Clock = std::chrono::steady_clock;

    std::unique_ptr<Connection> take_idle();
    bool may_connect();
    std::unique_ptr<Connection> connect();
    void failed(const std::string &why);
    void succeeded();
    void give_back(std::unique_ptr<Connection> connection);

    const PoolSettings settings_;
    const Note note_;
    std::mutex mutex_;
    std::condition_variable freed_;
    std::vector<std::unique_ptr<Connection>> idle_;
    std::size_t open_ = 0;
    std::chrono::milliseconds back_off_{0}; // 0 while the database is there
    Clock::time_point next_try_;
    std::string why_;
};

} // namespace ayb::db
