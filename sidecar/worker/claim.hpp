#pragma once
// Claiming, and what else a worker has to say of its jobs, for who talks HTTP.
#include "route/call.hpp"

#include <chrono>

namespace ayb::worker {

// POST /api/worker/claim: what is asked for. Who is the database's caller.
struct Claim {
    std::string worker; // begins with the token's name
    std::vector<std::string> types;
    long long most = 1;
    std::optional<std::string> lease;
    std::chrono::seconds wait{0};
};

// Throws api::Failure.
Claim read_claim(const api::Call &call);

struct Claimed {
    std::string json; // {"items":[…],"count":n}
    bool any;
};
// Throws db::Error, db::Unavailable, api::Failure.
Claimed run(const Claim &claim, const api::Database &database);

// Of jobs that were claimed for a client that is gone: they are queued again, uncharged. Where that
// can't be done, the lease ends.
void give_back(const Claim &claim, const api::Database &database, const Claimed &claimed) noexcept;

// The worker's id: the token's name, and what the body calls it.
std::string worker_id(const api::Call &call, const json::Object &body);

} // namespace ayb::worker
