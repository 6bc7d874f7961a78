#include "http/later.hpp"

namespace ayb::http {

bool Later::answer(Response response) {
    const std::lock_guard lock(mutex_);
    if (abandoned_ || answered_)
        return false;
    answered_ = true;
    response_ = std::move(response);
    send_answer();
    return true;
}

bool Later::abandoned() const {
    const std::lock_guard lock(mutex_);
    return abandoned_;
}

void Later::attach(std::function<void(Response)> send) {
    const std::lock_guard lock(mutex_);
    send_ = std::move(send);
    send_answer();
}

void Later::abandon() {
    const std::lock_guard lock(mutex_);
    abandoned_ = true;
    send_ = nullptr;
}

// Under the lock.
void Later::send_answer() {
    if (!send_ || !response_)
        return;
    send_(finish_ ? finish_(*std::move(response_)) : *std::move(response_));
    response_.reset();
    send_ = nullptr;
}

} // namespace ayb::http
