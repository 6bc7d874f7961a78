#pragma once
// GET /api/admin/jobs/{id}, which may wait for the job's end. However many wait, one session does
// for all of them in a database, and no thread but one.
#include "db/bell.hpp"
#include "http/later.hpp"
#include "route/per_pool.hpp"
#include "route/router.hpp"

#include <list>
#include <set>

namespace ayb::api {

// Those who wait in one database.
class Waits {
  public:
    explicit Waits(db::Pool &pool);
    ~Waits();
    Waits(const Waits &) = delete;
    Waits &operator=(const Waits &) = delete;

    // The job as it is when it has ended, or there is none any more, or the time is over. Throws
    // Failure where very many wait already.
    http::Response wait(const Database &database, const std::string &id,
                        std::chrono::seconds longest);
    // All are told how it is by now, and nobody waits any more.
    void close();

  private:
    using Clock = std::chrono::steady_clock;

    struct Waiter {
        std::string id;
        Database database;
        Clock::time_point until;
        std::shared_ptr<http::Later> later;
    };

    void run();
    void listen();
    Clock::time_point next_end() const;
    std::set<std::string> ids() const;
    std::set<std::string> ended(const std::set<std::string> &of) const;
    std::list<Waiter> take(const std::set<std::string> &ended, Clock::time_point now);
    static void answer(const Waiter &waiter);

    db::Pool &pool_;
    std::mutex mutex_; // guards what follows
    std::condition_variable changed_;
    std::list<Waiter> waiters_;
    bool closed_ = false;
    db::Hearing hearing_; // of their ids
    std::thread thread_;
};

class AllWaits {
  public:
    std::vector<Route> routes();
    void close() { of_.close(); }

  private:
    PerPool<Waits> of_;
};

} // namespace ayb::api
