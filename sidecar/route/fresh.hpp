#pragma once
// An answer that anybody may ask for, so that asking costs the database next to nothing: it is made
// at most once in a while, by one at a time.
#include <chrono>
#include <functional>
#include <mutex>
#include <optional>

namespace ayb::api {

template <class Answer> class Fresh {
  public:
    Fresh(std::chrono::milliseconds age, std::function<Answer()> make)
        : age_(age), make_(std::move(make)) {}

    // The answer, made now where the last one is too old. Who comes while somebody else makes it
    // gets the last one, and nothing where there is none yet.
    std::optional<Answer> get() {
        std::unique_lock lock(mutex_);
        if (making_ || (last_ && Clock::now() - made_ < age_))
            return last_;
        making_ = true;
        lock.unlock();
        Answer answer = make_();
        lock.lock();
        making_ = false;
        made_ = Clock::now();
        last_ = std::move(answer);
        return last_;
    }

  private:
    using Clock = std::chrono::steady_clock;

    const std::chrono::milliseconds age_;
    const std::function<Answer()> make_; // must not throw
    std::mutex mutex_;
    bool making_ = false;
    Clock::time_point made_;
    std::optional<Answer> last_;
};

} // namespace ayb::api
