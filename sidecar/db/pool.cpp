#include "db/pool.hpp"

#include <algorithm>

namespace ayb::db {

namespace {

constexpr std::chrono::milliseconds kFirstBackOff{100};
// A server that was promoted is to be found within moments, and two callers a second cost it
// nothing.
constexpr std::chrono::milliseconds kLongestBackOff{500};

} // namespace

Pool::Pool(PoolSettings settings, Note note)
    : settings_(std::move(settings)), note_(std::move(note)) {}

Pool::Lease::~Lease() { pool_.give_back(std::move(connection_)); }

// Under the lock. A session whose server hung up while it lay idle is thrown away: so a restarted
// server costs no request that comes after it.
std::unique_ptr<Connection> Pool::take_idle() {
    while (!idle_.empty()) {
        std::unique_ptr<Connection> connection = std::move(idle_.back());
        idle_.pop_back();
        if (connection->usable())
            return connection;
        open_--;
    }
    return nullptr;
}

// Under the lock. While the database is away, the one that is let through keeps the rest waiting
// until it has an answer, which may take a while where a host never says no.
bool Pool::may_connect() {
    if (open_ >= settings_.size)
        return false;
    if (back_off_.count() == 0)
        return true;
    if (Clock::now() < next_try_)
        throw Unavailable(why_);
    next_try_ = Clock::time_point::max();
    return true;
}

Pool::Lease Pool::lease() {
    std::unique_lock lock(mutex_);
    const Clock::time_point end = Clock::now() + settings_.wait;
    for (;;) {
        if (std::unique_ptr<Connection> connection = take_idle())
            return Lease(*this, std::move(connection));
        if (may_connect())
            break;
        if (freed_.wait_until(lock, end) == std::cv_status::timeout)
            throw Unavailable("all connections to the database are busy");
    }
    open_++;
    lock.unlock();
    return Lease(*this, connect());
}

std::unique_ptr<Connection> Pool::connect() {
    try {
        auto connection = std::make_unique<Connection>(settings_.connection);
        succeeded();
        return connection;
    } catch (const std::exception &error) {
        failed(error.what());
        throw Unavailable(error.what());
    }
}

void Pool::failed(const std::string &why) {
    bool first;
    {
        const std::lock_guard lock(mutex_);
        open_--;
        first = back_off_.count() == 0;
        back_off_ = first ? kFirstBackOff : std::min(back_off_ * 2, kLongestBackOff);
        next_try_ = Clock::now() + back_off_;
        why_ = why;
    }
    freed_.notify_all();
    if (first)
        note_("database away: " + why);
}

void Pool::succeeded() {
    bool back;
    {
        const std::lock_guard lock(mutex_);
        back = back_off_.count() > 0;
        back_off_ = std::chrono::milliseconds(0);
    }
    if (back)
        note_("database back");
}

// What broke one session has broken the idle ones too, most likely: a server that is cut off is to
// be waited for once.
void Pool::give_back(std::unique_ptr<Connection> connection) {
    {
        const std::lock_guard lock(mutex_);
        if (connection->intact()) {
            idle_.push_back(std::move(connection));
        } else {
            open_ -= 1 + idle_.size();
            idle_.clear();
        }
    }
    freed_.notify_one();
}

Pool::Usage Pool::usage() {
    const std::lock_guard lock(mutex_);
    return {open_, open_ - idle_.size()};
}

} // namespace ayb::db
