#include "api/events.hpp"

#include <algorithm>
#include <charconv>
#include <limits>
#include <optional>

namespace ayb::api {

namespace {

constexpr std::chrono::milliseconds kPause{100};
constexpr std::chrono::seconds kHeartbeat{15};
constexpr long long kAll = 4096; // as many as the engine keeps
constexpr const char *kSpan = "SELECT s.first, s.oldest, s.newest FROM ayb_jobs.event_span() AS s";
constexpr const char *kHello = ": ayb-jobs\nretry: 2000\n\n";

// Nothing where the client has seen none.
std::optional<long long> last_event_id(const Call &call) {
    std::string text(call.request().header("last-event-id"));
    const bool in_query = text.empty();
    if (in_query)
        text = call.query()["lastEventId"];
    long long number = 0;
    const char *end = text.data() + text.size();
    const auto read = std::from_chars(text.data(), end, number);
    const bool good = !text.empty() && read.ec == std::errc() && read.ptr == end;
    if (!good && in_query && !text.empty())
        throw invalid("lastEventId", "not a number");
    if (!good)
        return std::nullopt; // a browser's own field, of some other stream
    return std::max(number, 0LL);
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
    const long long since = first_of(call);
    const std::lock_guard lock(mutex_);
    if (closed_ || listeners_.size() >= max_listeners_)
        throw Failure(503, "too many listeners");
    response.stream = std::make_shared<http::Stream>();
    listeners_.push_back({response.stream, since});
    changed_.notify_all();
    return response;
}

// Where it goes on; a client that has seen nothing begins with what happens from now on.
long long Events::first_of(const Call &call) {
    const std::optional<long long> last = last_event_id(call);
    if (last)
        return *last;
    static const std::string sql = kSpan;
    return span_of(Database(pool_, kReader).run({{sql, {}}}).front()).newest;
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

// From where to read so that every listener gets what it lacks. One that doesn't keep up is asked
// again when it has taken what it has: the engine's ring is its buffer.
long long Events::first_wanted() {
    const std::lock_guard lock(mutex_);
    long long since = std::numeric_limits<long long>::max();
    for (const Listener &listener : listeners_)
        if (listener.stream->has_room())
            since = std::min(since, listener.since);
    return since;
}

// Reads once, and gives each listener what it lacks; who has come meanwhile waits for the next
// time.
void Events::look() {
    try {
        const Look look = read();
        const std::lock_guard lock(mutex_);
        for (Listener &listener : listeners_)
            if (listener.since >= look.since)
                hand_out(listener, look);
        newest_ = look.span.newest;
    } catch (const std::exception &) {
        // The database is away: the pool has logged it, and the next look tries again.
    }
    beat();
}

Events::Span Events::span_of(const db::Result &result) {
    if (result.rows() == 0)
        return {1, 1, 0}; // the library is not preloaded: there are none
    return {std::stoll(*result.at(0, 0)), std::stoll(*result.at(0, 1)),
            std::stoll(*result.at(0, 2))};
}

Events::Look Events::read() {
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
    Look look{first_wanted(), newest_, {}, {}};
    static const std::string span_sql = kSpan;
    const db::Parameters which = {std::to_string(look.since), std::to_string(kAll)};
    const std::vector<db::Result> results =
        Database(pool_, kReader).run({{sql, which}, {span_sql, {}}});
    const db::Result &result = results.front();
    look.events.reserve(static_cast<std::size_t>(result.rows()));
    for (int row = 0; row < result.rows(); row++)
        look.events.push_back({std::stoll(*result.at(row, 0)), result.at(row, 1).value_or("{}")});
    look.span = span_of(results.back());
    return look;
}

// False where the listener is too far behind.
bool Events::send(Listener &listener, const Event &event) {
    if (listener.missed > 0 || listener.restarted) {
        const std::string note =
            "event: missed\ndata: {\"missed\":" + std::to_string(listener.missed) +
            (listener.restarted ? ",\"restarted\":true" : "") + "}\n\n";
        if (!listener.stream->push(note))
            return false;
        listener.missed = 0;
        listener.restarted = false;
    }
    if (!listener.stream->push(frame(event.number, event.text)))
        return false;
    listener.since = event.number;
    return true;
}

// What left the ring before we looked is missed: all up to the oldest that is kept, or up to the
// first that was read where more left between the two.
void Events::count_missed(Listener &listener, const Look &look) {
    const long long kept = look.events.empty()
                               ? look.span.oldest
                               : std::min(look.span.oldest, look.events.front().number);
    listener.missed += std::max(kept - 1 - listener.since, 0LL);
    listener.since = std::max(listener.since, kept - 1);
}

// A number from another life of the server tells nothing: then all of this life is wanted, and how
// much was missed before it nobody knows.
void Events::hand_out(Listener &listener, const Look &look) {
    const bool ahead = listener.since > look.span.newest;
    if (ahead || listener.since < look.span.first - 1) {
        listener.since = look.span.first - 1;
        listener.restarted = true;
    }
    if (ahead)
        return; // nothing was read for it
    count_missed(listener, look);
    for (const Event &event : look.events)
        if (event.number > listener.since && !send(listener, event))
            return;
    listener.since = std::max(listener.since, look.covers);
}

void Events::beat() {
    if (Clock::now() - beaten_ < kHeartbeat)
        return;
    beaten_ = Clock::now();
    const std::lock_guard lock(mutex_);
    for (Listener &listener : listeners_)
        listener.stream->push(": beat\n\n");
}

AllEvents::AllEvents(const Databases &databases, std::size_t max_listeners) {
    for (const NamedPool &one : databases.all())
        of_[&one.pool] = std::make_unique<Events>(one.pool, max_listeners);
}

std::vector<Route> AllEvents::routes() {
    return {{"GET", "/api/admin/events", Access::read,
             [this](const Call &call) { return of_.at(&call.database().pool())->listen(call); }}};
}

void AllEvents::close() {
    for (const auto &[pool, events] : of_)
        events->close();
}

std::size_t AllEvents::listeners() {
    std::size_t number = 0;
    for (const auto &[pool, events] : of_)
        number += events->listeners();
    return number;
}

} // namespace ayb::api
