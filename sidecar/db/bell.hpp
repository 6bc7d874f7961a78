#pragma once
// Rings when there may be jobs to claim, or some have ended: one session waits for that in the
// server, in a thread of its own.
#include "db/connection.hpp"

#include <condition_variable>
#include <functional>
#include <mutex>
#include <set>
#include <thread>
#include <utility>

namespace ayb::db {

// The call that waits: of what, as an array, how long, and what else.
struct Waiting {
    std::string sql;
    Parameters more;
};
// For jobs to claim; `worker` is whom workers() shows as waiting. And for one of some to end.
Waiting waiting_for_jobs(const std::string &worker);
Waiting waiting_for_ends();

class Bell {
  public:
    // `ring` is called by our thread, with no lock of ours. As `role` where that is one, which the
    // session's may become: it waits for whatever that role may claim. `waiting` is how it waits.
    Bell(ConnectionSettings settings, std::string role, Waiting waiting,
         std::function<void()> ring);
    ~Bell();
    Bell(const Bell &) = delete;
    Bell &operator=(const Bell &) = delete;

    // Waits for jobs of these types, or for these to end, instead of what it waits for now, and
    // rings once, when there is one, or after a while. Where it can't wait it rings after a second.
    // After rings that led to nothing, so many in a row, it holds still first, longer and longer:
    // somebody else is always quicker, or there are jobs that can't be had.
    void listen(const std::vector<std::string> &what, unsigned in_vain);
    // Waits for nothing.
    void hush();

  private:
    void run();
    bool wait(const std::string &what);
    void open();
    void interrupt();

    const ConnectionSettings settings_;
    const std::string role_;
    const Waiting waiting_in_;
    const std::function<void()> ring_;
    std::mutex mutex_; // guards what follows
    std::condition_variable changed_;
    std::unique_ptr<Connection> session_;
    bool waiting_ = false; // in the server
    bool stopping_ = false;
    std::optional<std::string> wanted_; // types, or ids, as an array
    unsigned in_vain_ = 0;
    unsigned long turn_ = 0; // counts what we are told
    std::thread thread_;
};

// A bell for somebody with a lock and a thread of its own: what it listens for, and whether it has
// rung. All of it under that lock, but for the ring, which takes it and wakes the thread.
class Hearing {
  public:
    Hearing(ConnectionSettings settings, std::string role, Waiting waiting, std::mutex &mutex,
            std::condition_variable &changed);

    bool has_rung() const { return rung_; }
    // Whether it has rung since the last time.
    bool take_ring() { return std::exchange(rung_, false); }
    // Whether it rings for all of these already, or there are none.
    bool hears(const std::set<std::string> &wanted) const;
    // As the bell does.
    void listen(std::set<std::string> wanted, unsigned in_vain);

  private:
    bool rung_ = false;
    std::set<std::string> heard_; // what the bell rings for now
    Bell bell_;
};

// An array of PostgreSQL's.
std::string array_of(const std::vector<std::string> &texts);

} // namespace ayb::db
