#pragma once
// Everybody who listens, and the threads that serve them: two ask for what identities may see, in
// turn; one waits until something happens; one looks after time. However many listen, that is all.
#include "realtime/group.hpp"

#include <array>
#include <condition_variable>
#include <functional>
#include <set>
#include <thread>
#include <unordered_map>

namespace ayb::realtime {

struct HubSettings {
    SessionSettings session;
    std::chrono::milliseconds budget{50};  // of each second, for an identity
    std::size_t buffer = 64 * 1024 * 1024; // bytes that wait for clients to take them
};

// For the log.
using Note = std::function<void(const std::string &)>;

class Hub {
  public:
    Hub(const HubSettings &settings, Note note);
    ~Hub();
    Hub(const Hub &) = delete;
    Hub &operator=(const Hub &) = delete;

    // The answer, which comes later, is the stream or why not. Throws Failure.
    void join(const std::string &identity, Tables tables, Joiner joiner);
    // False where there is no such client.
    bool disconnect(const std::string &client);
    // All are sent away, and nobody is let in any more.
    void close();

    struct Seen {
        std::shared_ptr<Listener> listener;
        std::vector<std::string> tables;
    };
    std::vector<Seen> listeners();
    std::size_t size();                                     // how many these are
    unsigned long long sent() const { return sent_; }       // changes, each to each client
    unsigned long long held_up() const { return held_up_; } // times that a client didn't keep up

  private:
    using Clock = Group::Clock;
    using GroupPtr = std::shared_ptr<Group>;
    using Groups = std::map<std::pair<std::string, std::string>, GroupPtr>; // identity and tables

    // asking.cpp: what identities may see.
    void ask_on(SessionSlot &slot);
    GroupPtr take_due(std::unique_lock<std::mutex> &lock);
    Clock::time_point due_at(const Group &group, Clock::time_point now) const;
    void serve(Group &group, SessionSlot &slot);
    void advance(Group &group, SessionSlot &slot);
    void let_in(Group &group, SessionSlot &slot);
    void let_in(Group &group, SessionSlot &slot, const Joiner &joiner);
    void go_on(Group &group, SessionSlot &slot, const Joiner &joiner);
    Changes ask(Group &group, SessionSlot &slot, const db::Parameter &since);
    void spend(Group &group, Clock::duration took, bool cut_off);
    void deliver(Group &group, const Changes &changes);
    void begin_again(Group &group);
    void put_off(Group &group, const http::Response &why);

    // trouble.cpp: what goes wrong.
    void refused(Group &group, SessionSlot &slot, const db::Error &error);
    void no_role(Group &group, const std::string &why);
    void away(Group &group, SessionSlot &slot, const std::string &why);
    void send_away(Group &group, const http::Response &answer, const std::string &last_word);
    void tell(const std::string &what);

    // watch.cpp: that something happens, and that time goes by.
    void watch();
    bool watch_tables(const std::string &tables, db::Parameter &seen);
    std::string watched_tables() const;
    void mark(const std::vector<std::string> &tables);
    void mark_all();
    void keep_time();
    std::size_t sweep(Group &group, bool beat);
    void forget(Groups::iterator group);

    const HubSettings settings_;
    const Note note_;
    std::mutex mutex_; // guards what follows
    std::condition_variable due_;
    std::condition_variable tables_changed_;
    std::condition_variable closing_;
    Groups groups_;
    std::map<std::string, std::set<Group *>> by_table_; // by oid
    std::map<std::string, Budget> budgets_;             // by identity
    unsigned long tables_version_ = 0;                  // counts the times that there came more
    unsigned long watched_version_ = 0;
    bool closed_ = false;
    Clock::time_point away_until_{}; // the database
    std::string told_;               // of the trouble that there is now

    std::atomic<unsigned long long> sent_{0};
    std::atomic<unsigned long long> held_up_{0};
    std::atomic<std::size_t> waiting_{0}; // bytes, as the last look found them, and what came since
    std::atomic<std::size_t> share_{0};   // of the buffer, for one stream
    std::array<SessionSlot, 2> askers_;
    SessionSlot watcher_;
    std::vector<std::thread> threads_;
};

} // namespace ayb::realtime
