#pragma once
// How often an address may try to log in: so many times in any minute. Every attempt counts.
#include <chrono>
#include <deque>
#include <map>
#include <mutex>
#include <string>

namespace ayb::login {

class LoginLimit {
  public:
    using Clock = std::chrono::system_clock;

    explicit LoginLimit(std::size_t limit) : limit_(limit) {}

    struct Verdict {
        bool allowed;
        std::size_t limit;
        std::size_t remaining;
        long long reset;       // Unix seconds: when the oldest attempt is forgotten
        long long retry_after; // seconds until then, at least 1
    };
    Verdict attempt(const std::string &address, Clock::time_point now);

  private:
    void make_room(Clock::time_point now);

    const std::size_t limit_;
    std::mutex mutex_;
    std::map<std::string, std::deque<Clock::time_point>> attempts_; // the oldest first
};

} // namespace ayb::login
