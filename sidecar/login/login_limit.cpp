#include "login/login_limit.hpp"

#include <algorithm>

namespace ayb::login {

namespace {

constexpr std::chrono::minutes kWindow{1};
constexpr std::size_t kMaxAddresses = 10000;

long long unix_seconds(LoginLimit::Clock::time_point at) {
    return std::chrono::duration_cast<std::chrono::seconds>(at.time_since_epoch()).count();
}

} // namespace

// Memory is bounded: forgets whom the minute has forgotten, and where that isn't enough whoever is
// first in order. Someone with ten thousand addresses isn't held up by a limit for each.
void LoginLimit::make_room(Clock::time_point now) {
    if (attempts_.size() < kMaxAddresses)
        return;
    for (auto it = attempts_.begin(); it != attempts_.end();)
        it = it->second.back() <= now - kWindow ? attempts_.erase(it) : std::next(it);
    if (attempts_.size() >= kMaxAddresses)
        attempts_.erase(attempts_.begin());
}

LoginLimit::Verdict LoginLimit::attempt(const std::string &address, Clock::time_point now) {
    const std::lock_guard lock(mutex_);
    if (attempts_.count(address) == 0)
        make_room(now);
    std::deque<Clock::time_point> &mine = attempts_[address];
    // A refused attempt pushes the window on, yet no more of them are kept than are needed.
    mine.push_back(now);
    while (mine.front() <= now - kWindow || mine.size() > limit_ + 1)
        mine.pop_front();
    Verdict verdict{};
    verdict.allowed = mine.size() <= limit_;
    verdict.limit = limit_;
    verdict.remaining = limit_ - std::min(mine.size(), limit_);
    const Clock::time_point reset = mine.front() + kWindow;
    verdict.reset = unix_seconds(reset);
    verdict.retry_after =
        std::max(1LL, static_cast<long long>(
                          std::chrono::duration_cast<std::chrono::seconds>(reset - now).count()));
    return verdict;
}

} // namespace ayb::login
