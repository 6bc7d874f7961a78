#pragma once
// Server-sent events: one thread asks for the engine's events while anybody listens, and hands them
// to every listener. Nothing is asked while nobody does.
#include "http/stream.hpp"
#include "route/databases.hpp"
#include "route/router.hpp"

#include <condition_variable>
#include <list>
#include <map>
#include <memory>
#include <mutex>
#include <thread>

namespace ayb::api {

class Events {
  public:
    Events(db::Pool &pool, std::size_t max_listeners);
    ~Events();
    Events(const Events &) = delete;
    Events &operator=(const Events &) = delete;

    http::Response listen(const Call &call);
    // Tells the listeners that we stop, and lets none in any more.
    void close();
    std::size_t listeners();

  private:
    struct Listener {
        std::shared_ptr<http::Stream> stream;
        long long since;        // the last event that it was given, or told that it missed
        long long missed = 0;   // what it hasn't been told of yet
        bool restarted = false; // nor of this
    };
    struct Event {
        long long number;
        std::string text;
    };
    // Numbers of the server's events: the first since it started, the oldest that is kept.
    struct Span {
        long long first;
        long long oldest;
        long long newest;
    };
    struct Look {
        long long since;
        long long covers; // all up to it was there when the events were read
        std::vector<Event> events;
        Span span; // a moment after that
    };
    using Clock = std::chrono::steady_clock;

    void run();
    void look();
    static Span span_of(const db::Result &result);
    Look read();
    long long first_wanted();
    long long first_of(const Call &call);
    static void hand_out(Listener &listener, const Look &look);
    static void count_missed(Listener &listener, const Look &look);
    static bool send(Listener &listener, const Event &event);
    void beat();

    db::Pool &pool_;
    const std::size_t max_listeners_;
    std::mutex mutex_; // guards what follows
    std::condition_variable changed_;
    std::list<Listener> listeners_;
    bool closed_ = false;
    Clock::time_point beaten_;
    long long newest_ = 0; // when we looked last; of the thread alone
    std::thread thread_;
};

// Those of each database.
class AllEvents {
  public:
    AllEvents(const Databases &databases, std::size_t max_listeners);

    std::vector<Route> routes();
    void close();
    std::size_t listeners();

  private:
    std::map<const db::Pool *, std::unique_ptr<Events>> of_;
};

} // namespace ayb::api
