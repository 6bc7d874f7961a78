#include "http/workers.hpp"

namespace ayb::http {

Workers::Workers(unsigned threads, std::size_t queue) : queue_(queue) {
    for (unsigned i = 0; i < threads; i++)
        threads_.emplace_back([this] { work(); });
}

Workers::~Workers() {
    {
        const std::lock_guard lock(mutex_);
        stopping_ = true;
    }
    come_.notify_all();
    for (std::thread &thread : threads_)
        thread.join();
}

bool Workers::submit(std::function<void()> task) {
    {
        const std::lock_guard lock(mutex_);
        if (tasks_.size() >= queue_)
            return false;
        tasks_.push_back(std::move(task));
    }
    come_.notify_one();
    return true;
}

void Workers::work() {
    for (;;) {
        std::unique_lock lock(mutex_);
        come_.wait(lock, [this] { return stopping_ || !tasks_.empty(); });
        if (tasks_.empty())
            return;
        const std::function<void()> task = std::move(tasks_.front());
        tasks_.pop_front();
        lock.unlock();
        task();
    }
}

} // namespace ayb::http
