#pragma once
// One stream of one client.
#include "http/stream.hpp"
#include "realtime/frames.hpp"
#include "realtime/seats.hpp"

#include <atomic>
#include <chrono>

namespace ayb::realtime {

class Listener {
  public:
    struct Who {
        std::string client; // "c1"
        std::string subject;
        std::string address;
        long long expires; // Unix seconds
    };
    Listener(Who who, Filter filter, std::unique_ptr<Seats::Seat> seat);

    const Who &who() const { return who_; }
    const std::shared_ptr<http::Stream> &stream() const { return stream_; }
    long long connected_at() const { return connected_at_; } // Unix seconds
    long long active_at() const { return active_at_; }

    // What of it the client wants. Gives back how much that was; who hasn't made room by then, or
    // has more than `most` bytes to take still, gets nothing more until catch_up(). One thread at a
    // time.
    using Clock = std::chrono::steady_clock;
    std::size_t send(const std::vector<Frame> &frames, Clock::time_point patience,
                     std::size_t most = SIZE_MAX);
    // Tells who is behind, and has taken all that it was sent, what to fetch again.
    void catch_up(const std::vector<std::string> &tables, const std::string &id);
    bool behind() const { return behind_; }
    // Ends it, with a last word where there is one.
    void end(const std::string &frame = "") const;

  private:
    // Frames that wait for the client to take them.
    static constexpr std::size_t kMostWaiting = 256;

    bool push(const std::string &text, Clock::time_point patience) const;

    const Who who_;
    const Filter filter_;
    const std::unique_ptr<Seats::Seat> seat_;
    const std::shared_ptr<http::Stream> stream_;
    const long long connected_at_;
    std::atomic<long long> active_at_;
    std::atomic<bool> behind_{false};
};

} // namespace ayb::realtime
