#include "http/stream.hpp"

namespace ayb::http {

bool Stream::push(std::string_view text) {
    const std::lock_guard lock(mutex_);
    if (closed_ || abandoned_ || pending_.size() + text.size() > kMaxPending)
        return false;
    pending_.append(text);
    if (wake_)
        wake_();
    return true;
}

bool Stream::has_room() const {
    const std::lock_guard lock(mutex_);
    return pending_.size() <= kMaxPending / 2;
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
    pending_.clear();
}

std::string Stream::take() {
    const std::lock_guard lock(mutex_);
    return std::exchange(pending_, std::string());
}

bool Stream::closed() const {
    const std::lock_guard lock(mutex_);
    return closed_;
}

} // namespace ayb::http
