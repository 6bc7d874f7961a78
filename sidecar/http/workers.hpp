#pragma once
// A bounded number of threads behind a bounded queue.
#include <condition_variable>
#include <deque>
#include <functional>
#include <mutex>
#include <thread>
#include <vector>

namespace ayb::http {

class Workers {
  public:
    Workers(unsigned threads, std::size_t queue);
    // Finishes what is queued.
    ~Workers();

    // False where the queue is full. The task must not throw.
    bool submit(std::function<void()> task);

  private:
    void work();

    const std::size_t queue_;
    std::mutex mutex_;
    std::condition_variable come_;
    std::deque<std::function<void()>> tasks_;
    bool stopping_ = false;
    std::vector<std::thread> threads_;
};

} // namespace ayb::http
