#include "realtime/seats.hpp"

namespace ayb::realtime {

namespace {

using Counts = std::map<std::string, std::size_t>;

std::size_t count_of(const Counts &counts, const std::string &name) {
    const auto found = counts.find(name);
    return found == counts.end() ? 0 : found->second;
}

void count_down(Counts &counts, const std::string &name) {
    const auto found = counts.find(name);
    if (--found->second == 0)
        counts.erase(found);
}

} // namespace

std::unique_ptr<Seats::Seat> Seats::take(const std::string &identity, const std::string &address) {
    const std::lock_guard lock(mutex_);
    if (all_ >= limits_.all || count_of(by_identity_, identity) >= limits_.identity ||
        count_of(by_address_, address) >= limits_.address)
        return nullptr;
    auto seat = std::make_unique<Seat>(shared_from_this(), identity, address);
    all_++;
    by_identity_[identity]++;
    by_address_[address]++;
    return seat;
}

void Seats::leave(const std::string &identity, const std::string &address) {
    const std::lock_guard lock(mutex_);
    all_--;
    count_down(by_identity_, identity);
    count_down(by_address_, address);
}

} // namespace ayb::realtime
