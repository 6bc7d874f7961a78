#include "realtime/listener.hpp"

#include "login/digest.hpp"

#include <thread>

namespace ayb::realtime {

Listener::Listener(Who who, Filter filter, std::unique_ptr<Seats::Seat> seat)
    : who_(std::move(who)), filter_(std::move(filter)), seat_(std::move(seat)),
      stream_(std::make_shared<http::Stream>(kMostWaiting)), connected_at_(login::unix_now()),
      active_at_(connected_at_) {}

// A burst is larger than the buffer: who reads all the time needs a moment.
bool Listener::push(const std::string &text, Clock::time_point patience) const {
    constexpr std::chrono::milliseconds kMoment{1};
    while (!stream_->push(text)) {
        if (Clock::now() >= patience || stream_->abandoned())
            return false;
        std::this_thread::sleep_for(kMoment);
    }
    return true;
}

std::size_t Listener::send(const std::vector<Frame> &frames, Clock::time_point patience,
                           std::size_t most) {
    if (stream_->abandoned())
        return 0;
    std::size_t sent = 0;
    for (const Frame &frame : frames) {
        const std::string *text = behind_ ? nullptr : chosen(frame, filter_);
        if (text == nullptr)
            continue;
        if (stream_->pending() <= most && push(*text, patience))
            sent++;
        else
            behind_ = true;
    }
    if (sent > 0)
        active_at_ = login::unix_now();
    return sent;
}

void Listener::catch_up(const std::vector<std::string> &tables, const std::string &id) {
    if (behind_ && stream_->pending() == 0 && stream_->push(resync_frame(tables, "slow", id)))
        behind_ = false;
}

void Listener::end(const std::string &frame) const {
    if (!frame.empty())
        stream_->push(frame);
    stream_->close();
}

} // namespace ayb::realtime
