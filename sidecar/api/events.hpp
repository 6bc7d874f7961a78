#pragma once
// Server-sent events: one thread asks for the engine's events while anybody listens, and hands them
// to every listener. Nothing is asked while nobody does.
#include "api/router.hpp"
#include "http/stream.hpp"

#include <condition_variable>
#include <list>
#include <mutex>
#include <thread>

namespace ayb::api {

class Events {
  public:
    Events(db::Pool &pool, std::size_t max_listeners);
    ~Events();
    Events(const Events &) = delete;
    Events &operator=(const Events &) = delete;

    std::vector<Route> routes();
    // Tells the listeners that we stop, and lets none in any more.
    void close();
    std::size_t listeners();

  private:
    struct Listener {
        std::shared_ptr<http::Stream> stream;
        long long since;   // the last event that it was given; kNow: begin with the next
        bool fresh = true; // has not been looked at yet
        unsigned long long missed = 0; // what it hasn't been told of yet
    };
    struct Event {
        long long number;
        std::string text;
    };
    using Clock = std::chrono::steady_clock;

    http::Response listen(const Call &call);
    void run();
    void look();
    std::vector<Event> read(long long since);
    long long first_wanted();
    void hand_out(Listener &listener, const std::vector<Event> &events);
    void send(Listener &listener, const std::string &text);
    void beat();

    db::Pool &pool_;
    const std::size_t max_listeners_;
    std::mutex mutex_; // guards what follows
    std::condition_variable changed_;
    std::list<Listener> listeners_;
    bool closed_ = false;
    Clock::time_point beaten_;
    bool lost_ = false; // the last look found no database
    std::thread thread_;
};

} // namespace ayb::api
