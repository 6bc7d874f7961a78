#pragma once
// The server: one thread polls all sockets, puts requests together and sends answers, so that a
// slow client costs a buffer and no thread; a bounded number of workers make the answers.
#include "http/connection.hpp"
#include "http/later.hpp"
#include "http/workers.hpp"

#include <Poco/Net/ServerSocket.h>

#include <atomic>
#include <unordered_map>

namespace ayb::http {

struct FrontSettings {
    std::size_t max_connections = 4096;
    std::size_t max_buffered = 64 * 1024 * 1024; // of all requests and answers under way
    unsigned threads = 8;                        // for each lane
    std::size_t queue = 1024;                    // likewise
    std::size_t lanes = 1;
    ReaderLimits reader;
    Deadlines deadlines;
};

class Front {
  public:
    // Called by the workers; must not throw.
    using Handler = std::function<Response(const Request &)>;

    // Which lane a request is worked at in, from 0: one that hangs leaves the others their threads.
    // Must not throw.
    using LaneOf = std::function<std::size_t(const Request &)>;

    Front(
        const Poco::Net::ServerSocket &listener, const FrontSettings &settings, Handler handler,
        LaneOf lane_of = [](const Request &) { return std::size_t{0}; });
    ~Front();
    Front(const Front &) = delete;
    Front &operator=(const Front &) = delete;

    // Until stop(): then requests under way are finished, for `grace` at the longest.
    void run(std::chrono::milliseconds grace);
    void stop(); // any thread; a signal handler too

    std::size_t connections() const { return count_; }

  private:
    struct Answer {
        std::uint64_t connection;
        Response response;
    };

    struct Client {
        std::unique_ptr<Connection> connection;
        unsigned watched; // as told to epoll
        std::size_t buffered;
        bool restless;                          // sends while we work for it
        std::shared_ptr<Later> later = nullptr; // its answer, which it waits for
    };

    // Lets `step` have the connection, if it is still there, and does what follows from its state.
    template <class Step> bool with(std::uint64_t id, Step step);
    // False where the kernel has no room to watch it.
    bool watch(int descriptor, std::uint64_t id, unsigned events, bool known);
    void accept_again(bool now);
    void poll(int timeout_ms);
    void wake();
    void accept_all();
    void accept_one();
    bool make_room();
    void on_event(std::uint64_t id, unsigned events);
    void start_request(std::uint64_t id, Connection &connection);
    void settle(std::uint64_t id, Client &client);
    void account(Client &client);
    void forget(std::uint64_t id);
    void take_answers();
    void answer(std::uint64_t id, Response response);
    void deliver(Answer &answer);
    void put_off(std::uint64_t id, const std::shared_ptr<Later> &later);
    void sweep();
    void stop_accepting();
    bool busy() const;

    Poco::Net::ServerSocket listener_;
    const FrontSettings settings_;
    const Handler handler_;
    const LaneOf lane_of_;
    const std::string request_prefix_;
    unsigned long long requests_ = 0;
    int epoll_;
    int event_;
    bool accepting_ = true; // whether the listener is watched
    std::atomic<bool> stopping_{false};
    std::atomic<std::size_t> count_{0};
    std::uint64_t next_id_ = 2; // 0 is the listener, 1 the event
    std::unordered_map<std::uint64_t, Client> clients_;
    std::size_t buffered_ = 0; // by all clients
    Clock::time_point swept_;

    std::mutex mutex_; // guards the two below
    std::vector<Answer> answers_;
    std::vector<std::uint64_t> streams_;

    std::vector<std::unique_ptr<Workers>> workers_; // by lane
};

} // namespace ayb::http
