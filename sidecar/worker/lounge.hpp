#pragma once
// Where workers wait for jobs of one database. However many they are, one session waits for all of
// them, and one thread claims for whom there is a job: the longest waiting first, of those that may
// have the same.
#include "db/bell.hpp"
#include "http/later.hpp"
#include "worker/claim.hpp"

#include <list>
#include <map>
#include <set>

namespace ayb::worker {

class Lounge {
  public:
    explicit Lounge(db::Pool &pool);
    ~Lounge();
    Lounge(const Lounge &) = delete;
    Lounge &operator=(const Lounge &) = delete;

    // The claim, which gave nothing now, is tried again until it gives something or its time is
    // over.
    http::Response wait(Claim claim, const api::Database &database);
    // Whoever waits: [{"worker","role","types","since"}], of which a role "none" is the login's.
    std::string who_waits();
    // By which name workers() shows our one session that waits for all of them.
    const std::string &name() const { return name_; }
    // All are told that there is nothing, and nobody waits any more.
    void close();

  private:
    using Clock = std::chrono::steady_clock;

    struct Waiter {
        Claim claim;
        api::Database database;
        Clock::time_point until;
        std::chrono::system_clock::time_point since;
        std::shared_ptr<http::Later> later;
    };
    // Who may have the same: role and types.
    using Group = std::pair<std::string, std::vector<std::string>>;

    void run();
    void send_home(Clock::time_point now);
    void listen(bool in_vain);
    Clock::time_point next_end() const;
    bool serve(std::unique_lock<std::mutex> &lock);
    bool serve(Waiter &waiter);
    std::list<Waiter> take_first(const Group &group);

    const std::string name_;
    std::mutex mutex_; // guards what follows
    std::condition_variable changed_;
    std::map<Group, std::list<Waiter>> waiters_; // the longest waiting first
    bool closed_ = false;
    unsigned in_vain_ = 0; // rings in a row for nothing
    db::Hearing hearing_;  // of their types
    std::thread thread_;
};

} // namespace ayb::worker
