#include "db/bell.hpp"

#include <algorithm>

namespace ayb::db {

namespace {

using std::chrono::milliseconds;

constexpr milliseconds kWithoutWaiting{1000};
constexpr milliseconds kCalm{50};

// One ring for nothing is what two who wait for one job have.
milliseconds calm_after(unsigned in_vain) {
    return in_vain < 2 ? milliseconds(0)
                       : std::min(kCalm * (1 << std::min(in_vain - 2, 8U)), kWithoutWaiting);
}
constexpr const char *kLongest = "10 s"; // a statement may take longer

} // namespace

Bell::Bell(ConnectionSettings settings, std::string role, Waiting waiting,
           std::function<void()> ring)
    : settings_(std::move(settings)), role_(std::move(role)), waiting_in_(std::move(waiting)),
      ring_(std::move(ring)), thread_([this] { run(); }) {}

Bell::~Bell() {
    {
        const std::lock_guard lock(mutex_);
        stopping_ = true;
        interrupt();
    }
    changed_.notify_one();
    thread_.join();
}

void Bell::listen(const std::vector<std::string> &what, unsigned in_vain) {
    {
        const std::lock_guard lock(mutex_);
        std::string wanted = array_of(what);
        in_vain_ = in_vain;
        if (waiting_ && wanted_ == wanted)
            return; // for these, since before
        wanted_ = std::move(wanted);
        turn_++;
        interrupt();
    }
    changed_.notify_one();
}

void Bell::hush() {
    const std::lock_guard lock(mutex_);
    wanted_.reset();
    turn_++;
    interrupt();
}

// Under the lock. What it reaches too late ends at most the next wait, which begins anew then.
void Bell::interrupt() {
    if (waiting_ && session_)
        session_->cancel();
}

void Bell::run() {
    std::unique_lock lock(mutex_);
    bool at_once = false; // there was something when it began to wait
    while (!stopping_) {
        if (!wanted_) {
            changed_.wait(lock);
            continue;
        }
        const unsigned long turn = turn_;
        const std::string what = *wanted_;
        const milliseconds calm = at_once ? calm_after(in_vain_) : milliseconds(0);
        if (calm.count() > 0)
            changed_.wait_for(lock, calm, [&] { return stopping_ || turn_ != turn; });
        if (stopping_ || turn_ != turn)
            continue;
        waiting_ = true;
        lock.unlock();
        const auto begun = std::chrono::steady_clock::now();
        const bool waited = wait(what);
        at_once = std::chrono::steady_clock::now() - begun < kWithoutWaiting;
        lock.lock();
        waiting_ = false;
        if (!waited)
            changed_.wait_for(lock, kWithoutWaiting, [&] { return stopping_ || turn_ != turn; });
        if (stopping_ || turn_ != turn)
            continue;
        wanted_.reset();
        lock.unlock();
        ring_();
        lock.lock();
    }
}

void Bell::open() {
    {
        const std::lock_guard lock(mutex_);
        if (session_ && session_->usable())
            return;
        session_.reset();
    }
    auto session = std::make_unique<Connection>(settings_);
    if (!role_.empty())
        session->query_once("SELECT pg_catalog.set_config('role', $1, false)", {role_});
    const std::lock_guard lock(mutex_);
    session_ = std::move(session);
}

// False where that can't be had: no database, no room to wait in, a server that has no waiting.
bool Bell::wait(const std::string &what) {
    Parameters parameters = {what, kLongest};
    parameters.insert(parameters.end(), waiting_in_.more.begin(), waiting_in_.more.end());
    try {
        open();
        session_->call(waiting_in_.sql, parameters);
        return true;
    } catch (const Unavailable &) {
        return false;
    } catch (const Error &) {
        return false;
    }
}

Hearing::Hearing(ConnectionSettings settings, std::string role, Waiting waiting, std::mutex &mutex,
                 std::condition_variable &changed)
    : bell_(std::move(settings), std::move(role), std::move(waiting), [this, &mutex, &changed] {
          {
              const std::lock_guard lock(mutex);
              rung_ = true;
              heard_.clear();
          }
          changed.notify_one();
      }) {}

bool Hearing::hears(const std::set<std::string> &wanted) const {
    return std::includes(heard_.begin(), heard_.end(), wanted.begin(), wanted.end());
}

void Hearing::listen(std::set<std::string> wanted, unsigned in_vain) {
    bell_.listen({wanted.begin(), wanted.end()}, in_vain);
    heard_ = std::move(wanted);
}

Waiting waiting_for_jobs(const std::string &worker) {
    return {"CALL ayb_jobs.wait_for_jobs($1, $2, $3)", {worker}};
}

Waiting waiting_for_ends() { return {"CALL ayb_jobs_internal.wait_for_ends($1, $2)", {}}; }

std::string array_of(const std::vector<std::string> &texts) {
    std::string out = "{";
    for (const std::string &text : texts) {
        out += out.size() == 1 ? "\"" : ",\"";
        for (const char c : text)
            out += c == '"' || c == '\\' ? std::string("\\") + c : std::string(1, c);
        out += '"';
    }
    return out + "}";
}

} // namespace ayb::db
