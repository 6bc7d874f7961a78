#include "worker/lounge.hpp"

#include "json/json.hpp"

#include <unistd.h>

#include <algorithm>
#include <climits>

namespace ayb::worker {

namespace {

constexpr const char *kNothing = "{\"items\":[],\"count\":0}";
// Who may see everybody's jobs, as the workers' roles differ. A login that can't be that is woken
// by the clock.
constexpr const char *kHearsAll = "ayb_jobs_admin";

http::Response refused(const db::Error &error) {
    api::Failure failure(error.sqlstate == "42501" ? 403 : 409, error.what());
    failure.details = error.detail;
    failure.hint = error.hint;
    failure.sqlstate = error.sqlstate;
    return api::to_response(failure);
}

std::string name_of_process() {
    char host[HOST_NAME_MAX + 1] = "";
    gethostname(host, sizeof(host) - 1);
    return std::string("ayb-jobs-serve.") + host + "." + std::to_string(getpid());
}

// In seconds since 1970.
std::string as_json(const Claim &claim, const std::string &role,
                    std::chrono::system_clock::time_point since) {
    std::string types;
    for (const std::string &type : claim.types)
        types += (types.empty() ? "" : ",") + json::quote(type);
    const std::chrono::duration<double> seconds = since.time_since_epoch();
    return "{\"worker\":" + json::quote(claim.worker) + ",\"role\":" + json::quote(role) +
           ",\"types\":[" + types + "],\"since\":" + std::to_string(seconds.count()) + "}";
}

} // namespace

Lounge::Lounge(db::Pool &pool)
    : name_(name_of_process()), hearing_(pool.settings().connection, kHearsAll,
                                         db::waiting_for_jobs(name_), mutex_, changed_),
      thread_([this] { run(); }) {}

Lounge::~Lounge() {
    close();
    thread_.join();
}

void Lounge::close() {
    {
        const std::lock_guard lock(mutex_);
        closed_ = true;
        send_home(Clock::time_point::max());
    }
    changed_.notify_one();
}

http::Response Lounge::wait(Claim claim, const api::Database &database) {
    http::Response response;
    {
        const std::lock_guard lock(mutex_);
        if (closed_)
            return api::json_response(kNothing);
        response.later = std::make_shared<http::Later>();
        const Group group(database.role(), claim.types);
        const Clock::time_point until = Clock::now() + claim.wait;
        waiters_[group].push_back(
            {std::move(claim), database, until, std::chrono::system_clock::now(), response.later});
    }
    changed_.notify_one();
    return response;
}

std::string Lounge::who_waits() {
    std::string all;
    const std::lock_guard lock(mutex_);
    for (const auto &[group, waiters] : waiters_)
        for (const Waiter &waiter : waiters)
            if (!waiter.later->abandoned())
                all += (all.empty() ? "" : ",") + as_json(waiter.claim, group.first, waiter.since);
    return "[" + all + "]";
}

// Under the lock: whose time is over, and who has gone.
void Lounge::send_home(Clock::time_point now) {
    for (auto group = waiters_.begin(); group != waiters_.end();) {
        group->second.remove_if([now](const Waiter &waiter) {
            if (waiter.until > now)
                return waiter.later->abandoned();
            waiter.later->answer(api::json_response(kNothing));
            return true;
        });
        group = group->second.empty() ? waiters_.erase(group) : std::next(group);
    }
}

Lounge::Clock::time_point Lounge::next_end() const {
    Clock::time_point next = Clock::now() + std::chrono::hours(1);
    for (const auto &[group, waiters] : waiters_)
        for (const Waiter &waiter : waiters)
            next = std::min(next, waiter.until);
    return next;
}

// Under the lock. Anew where somebody waits for a type that isn't listened for.
void Lounge::listen(bool in_vain) {
    std::set<std::string> types;
    for (const auto &[group, waiters] : waiters_)
        types.insert(group.second.begin(), group.second.end());
    if (hearing_.hears(types))
        return;
    in_vain_ = in_vain ? in_vain_ + 1 : 0;
    hearing_.listen(std::move(types), in_vain_);
}

void Lounge::run() {
    std::unique_lock lock(mutex_);
    while (!closed_) {
        bool in_vain = false;
        if (hearing_.take_ring())
            in_vain = !serve(lock);
        send_home(Clock::now());
        listen(in_vain);
        if (!closed_ && !hearing_.has_rung())
            changed_.wait_until(lock, next_end());
    }
}

// Whether anybody was given a job. A group of whom one gets nothing has nothing to get.
bool Lounge::serve(std::unique_lock<std::mutex> &lock) {
    bool any = false;
    std::vector<Group> groups;
    for (const auto &[group, waiters] : waiters_)
        groups.push_back(group);
    for (const Group &group : groups)
        for (bool more = true; more && !closed_;) {
            std::list<Waiter> first = take_first(group);
            if (first.empty())
                break;
            lock.unlock();
            more = serve(first.front());
            lock.lock();
            any = any || more;
            if (!more && first.front().later != nullptr)
                waiters_[group].splice(waiters_[group].begin(), first);
        }
    return any;
}

std::list<Lounge::Waiter> Lounge::take_first(const Group &group) {
    std::list<Waiter> first;
    const auto waiters = waiters_.find(group);
    if (waiters != waiters_.end() && !waiters->second.empty())
        first.splice(first.begin(), waiters->second, waiters->second.begin());
    return first;
}

// Whether it got something, and so may the next one; who is answered has no answer to come.
bool Lounge::serve(Waiter &waiter) {
    if (waiter.later->abandoned()) {
        waiter.later = nullptr;
        return true;
    }
    try {
        const Claimed claimed = worker::run(waiter.claim, waiter.database);
        if (!claimed.any)
            return false;
        if (!waiter.later->answer(api::json_response(claimed.json)))
            give_back(waiter.claim, waiter.database, claimed);
    } catch (const db::Error &error) {
        waiter.later->answer(refused(error));
    } catch (const api::Failure &failure) {
        waiter.later->answer(api::to_response(failure));
    } catch (const db::Unavailable &) {
        return false; // it waits on
    }
    waiter.later = nullptr;
    return true;
}

} // namespace ayb::worker
