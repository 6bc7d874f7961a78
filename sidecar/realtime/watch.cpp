#include "login/digest.hpp"
#include "realtime/hub.hpp"

namespace ayb::realtime {

namespace {

constexpr std::chrono::milliseconds kCalm{5}; // between two answers, however much happens
constexpr std::chrono::seconds kTrouble{1};
constexpr std::chrono::milliseconds kTick{250};
constexpr std::chrono::seconds kHeartbeat{15};

} // namespace

// Under the lock.
std::string Hub::watched_tables() const {
    std::string out;
    for (const auto &entry : by_table_)
        out += (out.empty() ? "{" : ",") + entry.first;
    return out.empty() ? out : out + "}";
}

// One for all who listen, to whatever.
void Hub::watch() {
    db::Parameter seen;
    std::unique_lock lock(mutex_);
    while (!closed_) {
        const std::string tables = watched_tables();
        watched_version_ = tables_version_;
        if (tables.empty()) {
            tables_changed_.wait(lock);
            continue;
        }
        lock.unlock();
        const bool good = watch_tables(tables, seen);
        lock.lock();
        if (!good)
            mark_all(); // they are looked at without being told
        closing_.wait_for(lock, good ? std::chrono::milliseconds(kCalm) : kTrouble,
                          [this] { return closed_; });
    }
}

// False where that can't be had: the server is away, or has no room for us.
bool Hub::watch_tables(const std::string &tables, db::Parameter &seen) {
    try {
        const Session::Woken woken = watcher_.get().wait(tables, seen);
        const std::lock_guard lock(mutex_);
        if (seen)
            mark(woken.tables);
        else
            mark_all(); // what happened before we began to look
        seen = woken.seen;
        return true;
    } catch (const db::Error &error) {
        if (error.sqlstate == "57014") // there are more tables now
            return true;
    } catch (const std::exception &) { // whoever asks says why
        seen.reset();                  // it may be another server
    }
    watcher_.drop();
    return false;
}

// Under the lock.
void Hub::mark(const std::vector<std::string> &tables) {
    for (const std::string &table : tables) {
        const auto groups = by_table_.find(table);
        if (groups == by_table_.end())
            continue;
        for (Group *group : groups->second)
            group->changed = true;
    }
    due_.notify_all();
}

// Under the lock.
void Hub::mark_all() {
    for (const auto &entry : groups_)
        entry.second->changed = true;
    due_.notify_all();
}

void Hub::keep_time() {
    Clock::time_point beaten = Clock::now();
    std::unique_lock lock(mutex_);
    while (!closed_) {
        const Clock::time_point now = Clock::now();
        const bool beat = now - beaten >= kHeartbeat;
        if (beat)
            beaten = now;
        std::size_t waiting = 0;
        std::size_t streams = 1;
        for (auto group = groups_.begin(); group != groups_.end();) {
            const auto next = std::next(group);
            waiting += sweep(*group->second, beat);
            streams += group->second->listeners.size();
            if (!group->second->busy && group->second->listeners.empty() &&
                group->second->joiners.empty())
                forget(group);
            group = next;
        }
        waiting_ = waiting;
        share_ = settings_.buffer / streams;
        for (auto budget = budgets_.begin(); budget != budgets_.end();)
            budget = budget->second.forgettable(now) ? budgets_.erase(budget) : std::next(budget);
        // One that was about to wait when it was interrupted has not heard of it.
        const bool deaf = watched_version_ != tables_version_;
        lock.unlock();
        if (deaf)
            watcher_.interrupt();
        lock.lock();
        if (!closed_)
            closing_.wait_for(lock, kTick);
    }
}

// Under the lock. Who is gone or whose token has ended goes; who was behind may have room again.
// Gives back how many bytes wait to be taken.
std::size_t Hub::sweep(Group &group, bool beat) {
    const long long now = login::unix_now();
    std::size_t waiting = 0;
    group.listeners.remove_if([&](const std::shared_ptr<Listener> &listener) {
        if (listener->who().expires <= now)
            listener->end(error_frame(401, "invalid or expired token"));
        waiting += listener->stream()->pending();
        return listener->who().expires <= now || listener->stream()->abandoned();
    });
    if (group.busy || !group.position)
        return waiting;
    const std::string frame = beat ? beat_frame(*group.position) : "";
    for (const auto &listener : group.listeners) {
        if (listener->behind())
            listener->catch_up(names_of(group.tables), *group.position);
        else if (beat)
            listener->stream()->push(frame);
    }
    return waiting;
}

// Under the lock.
void Hub::forget(Groups::iterator group) {
    for (const auto &entry : group->second->tables) {
        const auto groups = by_table_.find(entry.first);
        groups->second.erase(group->second.get());
        if (groups->second.empty())
            by_table_.erase(groups);
    }
    groups_.erase(group);
}

} // namespace ayb::realtime
