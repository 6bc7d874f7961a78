#include "http/stream.hpp"

namespace ayb::http {

bool Stream::push(std::string_view text) {
    const std::lock_guard lock(mutex_);
    if (closed_ || abandoned_ || texts_ >= most_ || pending_.size() + text.size() > kMaxPending)
        return false;
    const bool first = pending_.empty(); // else the front knows already
    pending_.append(text);
    texts_++;
    if (wake_ && first)
        wake_();
    return true;
}

bool Stream::has_room() const {
    const std::lock_guard lock(mutex_);
    return pending_.size() <= kMaxPending / 2 && texts_ <= most_ / 2;
}

std::size_t Stream::pending() const {
    const std::lock_guard lock(mutex_);
    return pending_.size() + held_;
}

void Stream::close() {
    const std::lock_guard lock(mutex_);
    closed_ = true;
    if (wake_)
        wake_();
}

bool Stream::abandoned() const {
    const std::lock_guard lock(mutex_);
    return abandoned_;
}

void Stream::attach(std::function<void()> wake) {
    const std::lock_guard lock(mutex_);
    wake_ = std::move(wake);
    wake_();
}

void Stream::abandon() {
    const std::lock_guard lock(mutex_);
    abandoned_ = true;
    wake_ = nullptr;
    pending_ = std::string();
    held_ = 0;
}

std::string Stream::take() {
    const std::lock_guard lock(mutex_);
    texts_ = 0;
    return std::exchange(pending_, std::string());
}

void Stream::hold(std::size_t bytes) {
    const std::lock_guard lock(mutex_);
    held_ = bytes;
}

bool Stream::closed() const {
    const std::lock_guard lock(mutex_);
    return closed_;
}

} // namespace ayb::http
