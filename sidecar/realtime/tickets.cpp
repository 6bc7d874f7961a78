#include "realtime/tickets.hpp"

#include "login/digest.hpp"

namespace ayb::realtime {

namespace {

constexpr std::size_t kBytes = 24;

} // namespace

// What nobody came for goes when room is needed.
std::optional<std::string> Tickets::give(const tokens::Token &token, Clock::time_point now) {
    const std::string ticket = login::hex(login::random_bytes(kBytes));
    const std::lock_guard lock(mutex_);
    if (entries_.size() >= kMost)
        for (auto entry = entries_.begin(); entry != entries_.end();)
            entry = entry->second.end <= now ? entries_.erase(entry) : std::next(entry);
    if (entries_.size() >= kMost)
        return std::nullopt;
    entries_.emplace(ticket, Entry{token, now + kLifetime});
    return ticket;
}

std::optional<tokens::Token> Tickets::take(const std::string &ticket, Clock::time_point now) {
    const std::lock_guard lock(mutex_);
    const auto found = entries_.find(ticket);
    if (found == entries_.end())
        return std::nullopt;
    Entry entry = std::move(found->second);
    entries_.erase(found);
    if (entry.end <= now)
        return std::nullopt;
    return std::move(entry.token);
}

} // namespace ayb::realtime
