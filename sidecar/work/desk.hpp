#pragma once
// What a worker has to do with the database, in a thread and a session of its own, beside one that
// waits for jobs: so programs are looked after also while the database hangs. It claims as many
// jobs as there is room for, tells what became of them, and has one heartbeat for all.
#include "db/bell.hpp"
#include "work/job.hpp"

#include <map>

namespace ayb::work {

// Told, for the log, what happens, and to which job, or "".
using Note = std::function<void(const std::string &what, const std::string &job)>;

struct DeskSettings {
    std::string dsn;
    std::string worker;
    std::vector<std::string> types;
    std::chrono::milliseconds lease;
};

class Desk {
  public:
    using Clock = std::chrono::steady_clock;

    // `news` is called, by our thread, when there are jobs to take, or some are lost, or we failed.
    Desk(DeskSettings settings, std::function<void()> news, Note note);
    // Forgets what isn't told yet.
    ~Desk();
    Desk(const Desk &) = delete;
    Desk &operator=(const Desk &) = delete;

    // So many jobs more may be claimed; none any more.
    void add_room(std::size_t jobs);
    void close();
    // What was claimed since.
    std::vector<Job> take_jobs();
    // What is no longer ours: canceled, or its lease is over, as far as we know.
    struct Lost {
        std::string id;
        int attempt;
    };
    std::vector<Lost> take_lost();
    void tell(Report report);
    // A job of take_jobs() that isn't begun: it is due again at once, and no attempt is charged.
    void give_back(const Job &job);
    // Whether all that we were told is told, and all that was claimed taken.
    bool idle();
    // Why no job can ever be claimed; "" while nothing speaks against it.
    std::string refused();

  private:
    struct Held {
        int attempt;
        Clock::time_point safe_until; // the lease goes on till then at least
        bool reported = false;        // its program has ended
    };

    void run();
    void work();
    Clock::time_point next_step();
    bool claim_is_due() const { return due_ && room_ > 0 && refused_.empty(); }
    db::Connection &session();
    void away(const std::string &why);
    void report();
    std::vector<Report> take_reports();
    void send(const std::vector<Report> &reports);
    void send_back(const Report &report);
    void told(const std::vector<Report> &reports);
    void put_back(std::vector<Report> reports);
    void send_otherwise(std::vector<Report> reports, const db::Error &error);
    void beat();
    std::string held_as_json();
    void lose(const std::string &id);
    void claim(std::size_t most);
    void claim_failed(const db::Error &error);
    void listen(bool empty_handed);
    void take_claimed(const db::Result &result, std::size_t wanted, Clock::time_point sent);

    const DeskSettings settings_;
    const std::function<void()> news_;
    const Note note_;
    std::unique_ptr<db::Connection> session_; // of the thread alone, as what follows
    bool away_ = false;
    bool welcome_ = false;      // a claim was answered
    unsigned empty_handed_ = 0; // claims in a row that gave nothing

    std::mutex mutex_; // guards what follows
    std::condition_variable changed_;
    bool stopping_ = false;
    bool closed_ = false;
    bool busy_ = false; // the thread is at work
    std::size_t room_ = 0;
    std::vector<Job> jobs_;
    std::vector<Lost> lost_;
    std::vector<Report> reports_;
    Clock::time_point next_beat_, next_try_;
    bool due_ = true; // there may be jobs to claim
    std::map<std::string, Held> held_;
    std::string refused_;
    db::Bell bell_;
    std::thread thread_;
};

} // namespace ayb::work
