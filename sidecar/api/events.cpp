#include "api/events.hpp"

#include <algorithm>
#include <charconv>
#include <limits>

namespace ayb::api {

namespace {

constexpr std::chrono::milliseconds kPause{100};
constexpr std::chrono::seconds kHeartbeat{15};
constexpr long long kRing = 4096; // events that the engine keeps
constexpr long long kNow = -1;
constexpr const char *kHello = ": ayb-jobs\nretry: 2000\n\n";

// kNow where the client has seen none.
long long last_event_id(const Call &call) {
    std::string text(call.request().header("last-event-id"));
    if (text.empty())
        text = call.query()["lastEventId"];
    long long number = kNow;
    std::from_chars(text.data(), text.data() + text.size(), number);
    return std::max(number, kNow);
}

std::string frame(long long number, const std::string &data) {
    return "id: " + std::to_string(number) + "\nevent: job\ndata: " + data + "\n\n";
}

} // namespace

Events::Events(db::Pool &pool, std::size_t max_listeners)
    : pool_(pool), max_listeners_(max_listeners), beaten_(Clock::now()),
      thread_([this] { run(); }) {}

Events::~Events() {
    close();
    thread_.join();
}

void Events::close() {
    const std::lock_guard lock(mutex_);
    closed_ = true;
    for (Listener &listener : listeners_) {
        listener.stream->push("event: bye\ndata: {\"reason\":\"the server stops\"}\n\n");
        listener.stream->close();
    }
    listeners_.clear();
    changed_.notify_all();
}

std::size_t Events::listeners() {
    const std::lock_guard lock(mutex_);
    return listeners_.size();
}

http::Response Events::listen(const Call &call) {
    http::Response response;
    response.content_type = "text/event-stream";
    response.body = kHello;
    if (call.request().method == "HEAD")
        return response;
    const std::lock_guard lock(mutex_);
    if (closed_ || listeners_.size() >= max_listeners_)
        throw Failure(503, "too many listeners");
    response.stream = std::make_shared<http::Stream>();
    listeners_.push_back({response.stream, last_event_id(call)});
    changed_.notify_all();
    return response;
}

void Events::run() {
    std::unique_lock lock(mutex_);
    while (!closed_) {
        if (listeners_.empty())
            changed_.wait(lock);
        else
            changed_.wait_for(lock, kPause);
        listeners_.remove_if([](const Listener &listener) { return listener.stream->abandoned(); });
        if (closed_ || listeners_.empty())
            continue;
        lock.unlock();
        look();
        lock.lock();
    }
}

// From where to read so that every listener gets what it lacks. The whole ring for one that has
// just come: only that tells where now is, and whether its last event is of this server's life.
long long Events::first_wanted() {
    const std::lock_guard lock(mutex_);
    long long since = std::numeric_limits<long long>::max();
    for (const Listener &listener : listeners_)
        since = std::min(since, listener.fresh ? 0 : listener.since);
    return lost_ ? 0 : since;
}

// Reads once, and gives each listener what it lacks; who has come meanwhile waits for the next
// time.
void Events::look() {
    const long long since = first_wanted();
    try {
        const std::vector<Event> events = read(since);
        const std::lock_guard lock(mutex_);
        for (Listener &listener : listeners_)
            if (!listener.fresh || since == 0)
                hand_out(listener, events);
        lost_ = false;
    } catch (const std::exception &) {
        lost_ = true; // the pool has logged it
    }
    beat();
}

std::vector<Events::Event> Events::read(long long since) {
    static const std::string sql =
        "SELECT e.seq, " +
        object({{"seq", "e.seq"},
                {"at", "e.at"},
                {"jobId", "e.job_id"},
                {"type", "e.type"},
                {"runAs", "pg_get_userbyid(e.run_as)"},
                {"oldState", "e.old_state"},
                {"newState", "e.new_state"}}) +
        " FROM ayb_jobs.events($1::bigint, $2::integer) AS e ORDER BY e.seq";
    const db::Pool::Lease session = pool_.lease();
    const db::Result result = session->query(sql, {std::to_string(since), std::to_string(kRing)});
    std::vector<Event> events;
    events.reserve(static_cast<std::size_t>(result.rows()));
    for (int row = 0; row < result.rows(); row++)
        events.push_back({std::stoll(*result.at(row, 0)), result.at(row, 1).value_or("{}")});
    return events;
}

void Events::send(Listener &listener, const std::string &text) {
    if (listener.missed > 0) {
        const std::string note =
            "event: missed\ndata: {\"missed\":" + std::to_string(listener.missed) + "}\n\n";
        if (!listener.stream->push(note)) {
            listener.missed++;
            return;
        }
        listener.missed = 0;
    }
    if (!listener.stream->push(text))
        listener.missed++;
}

// What left the ring before we looked is missed, too.
void Events::hand_out(Listener &listener, const std::vector<Event> &events) {
    const long long newest = events.empty() ? 0 : events.back().number;
    // A server that started anew counts from the beginning: what was seen before tells nothing
    // then.
    if ((listener.fresh || lost_) && listener.since > newest)
        listener.since = listener.fresh ? newest : 0;
    if (listener.since == kNow)
        listener.since = newest;
    listener.fresh = false;
    const long long gone = newest - kRing - listener.since;
    if (gone > 0) {
        listener.missed += static_cast<unsigned long long>(gone);
        listener.since += gone;
    }
    for (const Event &event : events) {
        if (event.number > listener.since)
            send(listener, frame(event.number, event.text));
    }
    listener.since = std::max(listener.since, newest);
}

void Events::beat() {
    if (Clock::now() - beaten_ < kHeartbeat)
        return;
    beaten_ = Clock::now();
    const std::lock_guard lock(mutex_);
    for (Listener &listener : listeners_)
        listener.stream->push(": beat\n\n");
}

std::vector<Route> Events::routes() {
    return {{"GET", "/api/admin/events", Access::admin,
             [this](const Call &call) { return listen(call); }}};
}

} // namespace ayb::api
