#pragma once
// Requests that hold a session for long, such as a refresh.
#include "route/database.hpp"

#include <map>
#include <mutex>
#include <set>

namespace ayb::api {

// Half of a database's sessions are left for everybody else. Two requests for one thing need no
// session to be told apart.
class Turns {
  public:
    class Turn;

  private:
    std::mutex mutex_;
    std::map<const db::Pool *, std::set<std::string>> taken_;
};

class Turns::Turn {
  public:
    // Throws Failure: 409 with `in_progress` where somebody has the thing's turn, 503 where too
    // many have one. A name is the same in any case.
    Turn(Turns &turns, const db::Pool &pool, const std::string &thing, const char *in_progress);
    ~Turn();
    Turn(const Turn &) = delete;
    Turn &operator=(const Turn &) = delete;

  private:
    Turns &turns_;
    const db::Pool *const pool_;
    const std::string thing_;
};

// A session whose statements may take `time`; it is given back with its usual one.
class LongSession {
  public:
    LongSession(const Database &database, std::chrono::milliseconds time);
    ~LongSession();
    LongSession(const LongSession &) = delete;
    LongSession &operator=(const LongSession &) = delete;
    // What the statement gives, in a transaction of its own. Throws db::Error.
    db::Result ask(const std::string &sql, const db::Parameters &parameters) const;

  private:
    const Database &database_;
    const db::Pool::Lease lease_;
};

} // namespace ayb::api
