#include "jobs/waits.hpp"

#include "jobs/jobs.hpp"
#include "json/json.hpp"
#include "route/wait.hpp"

#include <algorithm>

namespace ayb::api {

namespace {

constexpr std::size_t kMost = 1000;
constexpr const char *kMissing = "job not found";

std::optional<std::string> job_of(const Database &database, const std::string &id) {
    static const std::string sql =
        guarded("SELECT (SELECT " + job_json() + " FROM ayb_jobs.jobs AS j WHERE j.id = $1::uuid)");
    return database.ask(sql, {id});
}

bool has_ended(const std::string &job) {
    const std::string state = json::Object(job).text("state").value_or("");
    return state != "queued" && state != "running";
}

} // namespace

Waits::Waits(db::Pool &pool)
    : pool_(pool),
      hearing_(pool.settings().connection, kReader, db::waiting_for_ends(), mutex_, changed_),
      thread_([this] { run(); }) {}

Waits::~Waits() {
    close();
    thread_.join();
}

void Waits::close() {
    {
        const std::lock_guard lock(mutex_);
        closed_ = true;
    }
    changed_.notify_one();
}

http::Response Waits::wait(const Database &database, const std::string &id,
                           std::chrono::seconds longest) {
    http::Response response;
    {
        const std::lock_guard lock(mutex_);
        if (closed_)
            throw Failure(503, "the server stops");
        if (waiters_.size() >= kMost)
            throw Failure(503, "too many wait for jobs");
        response.later = std::make_shared<http::Later>();
        waiters_.push_back({id, database, Clock::now() + longest, response.later});
    }
    changed_.notify_one();
    return response;
}

Waits::Clock::time_point Waits::next_end() const {
    Clock::time_point next = Clock::now() + std::chrono::hours(1);
    for (const Waiter &waiter : waiters_)
        next = std::min(next, waiter.until);
    return next;
}

std::set<std::string> Waits::ids() const {
    std::set<std::string> ids;
    for (const Waiter &waiter : waiters_)
        ids.insert(waiter.id);
    return ids;
}

// Under the lock. Again where somebody waits for a job that isn't listened for.
void Waits::listen() {
    std::set<std::string> wanted = ids();
    if (!hearing_.hears(wanted))
        hearing_.listen(std::move(wanted), 0);
}

// Those of whom there is no job any more that waits or runs; none while the database is away.
std::set<std::string> Waits::ended(const std::set<std::string> &of) const {
    static const std::string sql =
        "SELECT i FROM unnest($1::uuid[]) AS i WHERE NOT EXISTS (SELECT FROM ayb_jobs.job_queue AS"
        " q WHERE q.id = i AND q.state IN ('queued', 'running'))";
    std::set<std::string> ended;
    try {
        const db::Parameters which = {db::array_of({of.begin(), of.end()})};
        const std::vector<db::Result> results = Database(pool_, kReader).run({{sql, which}});
        const db::Result &ids = results.front();
        for (int row = 0; row < ids.rows(); row++)
            ended.insert(*ids.at(row, 0));
    } catch (const db::Error &) {
        return {};
    } catch (const db::Unavailable &) {
        return {};
    }
    return ended;
}

// Under the lock: who waits no longer. Who has gone is forgotten.
std::list<Waits::Waiter> Waits::take(const std::set<std::string> &ended, Clock::time_point now) {
    std::list<Waiter> taken;
    for (auto waiter = waiters_.begin(); waiter != waiters_.end();) {
        const auto next = std::next(waiter);
        if (waiter->later->abandoned())
            waiters_.erase(waiter);
        else if (closed_ || waiter->until <= now || ended.count(waiter->id) > 0)
            taken.splice(taken.end(), waiters_, waiter);
        waiter = next;
    }
    return taken;
}

void Waits::answer(const Waiter &waiter) {
    try {
        waiter.later->answer(found(job_of(waiter.database, waiter.id), kMissing));
    } catch (const Failure &failure) {
        waiter.later->answer(to_response(failure));
    } catch (const std::exception &) {
        waiter.later->answer(to_response(database_away()));
    }
}

void Waits::run() {
    std::unique_lock lock(mutex_);
    for (bool last = false; !last;) {
        last = closed_;
        std::set<std::string> over;
        if (hearing_.take_ring() && !last) {
            const std::set<std::string> asked = ids();
            lock.unlock();
            over = ended(asked);
            lock.lock();
        }
        const std::list<Waiter> taken = take(over, Clock::now());
        lock.unlock();
        for (const Waiter &waiter : taken)
            answer(waiter);
        lock.lock();
        listen();
        if (!last && !closed_ && !hearing_.has_rung())
            changed_.wait_until(lock, next_end());
    }
}

// Looked at once, and only who asks for a job that goes on waits.
std::vector<Route> AllWaits::routes() {
    return {{"GET", "/api/admin/jobs/{id}", Access::read, [this](const Call &call) {
                 const bool waits = call.request().method != "HEAD";
                 const std::chrono::seconds wait = wait_of(call.query());
                 std::optional<std::string> job = job_of(call.database(), call.id("job"));
                 if (!job || !waits || wait.count() == 0 || has_ended(*job))
                     return found(std::move(job), kMissing);
                 return of_.of(call.database().pool()).wait(call.database(), call.id("job"), wait);
             }}};
}

} // namespace ayb::api
