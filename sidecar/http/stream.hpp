#pragma once
// A body without an end: some thread pushes, the front's thread sends. Bounded: who pushes is told
// when the client doesn't keep up.
#include <functional>
#include <mutex>
#include <string>
#include <string_view>
#include <utility>

namespace ayb::http {

class Stream {
  public:
    // False, and nothing is taken, where the client is too far behind. Any thread.
    bool push(std::string_view text);
    // Whether there is room for much again. Any thread.
    bool has_room() const;
    // What was pushed is still sent, then the connection is closed. Any thread.
    void close();
    // Whether the client is gone. Any thread.
    bool abandoned() const;

    // The front's side: `wake` is called, under our lock, when there is something to take.
    void attach(std::function<void()> wake);
    void abandon();
    std::string take();
    bool closed() const;

  private:
    static constexpr std::size_t kMaxPending = 256 * 1024;

    mutable std::mutex mutex_;
    std::string pending_;
    std::function<void()> wake_;
    bool closed_ = false;
    bool abandoned_ = false;
};

} // namespace ayb::http
