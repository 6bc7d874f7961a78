#include "route/long.hpp"

namespace ayb::api {

namespace {

std::string lower(std::string thing) {
    for (char &c : thing)
        c = static_cast<char>(c | 0x20); // letters; digits and '-' have the bit already
    return thing;
}

} // namespace

Turns::Turn::Turn(Turns &turns, const db::Pool &pool, const std::string &thing,
                  const char *in_progress)
    : turns_(turns), pool_(&pool), thing_(lower(thing)) {
    const std::lock_guard lock(turns_.mutex_);
    std::set<std::string> &taken = turns_.taken_[pool_];
    if (taken.count(thing_) != 0) {
        Failure failure(409, in_progress);
        failure.reason = "in_progress";
        throw failure;
    }
    if (taken.size() >= (pool.settings().size + 1) / 2)
        throw Failure(503, "too many refreshes at once");
    taken.insert(thing_);
}

Turns::Turn::~Turn() {
    const std::lock_guard lock(turns_.mutex_);
    turns_.taken_[pool_].erase(thing_);
}

LongSession::LongSession(const Database &database, std::chrono::milliseconds time)
    : database_(database), lease_(database.pool().lease()) {
    lease_->set_timeout(time);
}

LongSession::~LongSession() {
    try {
        lease_->set_timeout(database_.pool().settings().connection.statement_timeout);
    } catch (const std::exception &) {
        // The session is lost, and won't be used again.
    }
}

db::Result LongSession::ask(const std::string &sql, const db::Parameters &parameters) const {
    return std::move(database_.run(lease_.session(), {{sql, parameters}}).front());
}

} // namespace ayb::api
