#pragma once
// A body without an end: some thread pushes, the front's thread sends. Bounded: who pushes is told
// when the client doesn't keep up.
#include <cstdint>
#include <functional>
#include <mutex>
#include <string>
#include <string_view>
#include <utility>

namespace ayb::http {

class Stream {
  public:
    // `most`: how many texts may wait to be sent.
    explicit Stream(std::size_t most = SIZE_MAX) : most_(most) {}

    // False, and nothing is taken, where the client is too far behind. Any thread.
    bool push(std::string_view text);
    // Whether there is room for much again. Any thread.
    bool has_room() const;
    // Bytes that wait to be sent, here or with the front. Any thread.
    std::size_t pending() const;
    // What was pushed is still sent, then the connection is closed. Any thread.
    void close();
    // Whether the client is gone. Any thread.
    bool abandoned() const;

    // The front's side: `wake` is called, under our lock, when there is something to take.
    void attach(std::function<void()> wake);
    void abandon();
    std::string take();
    void hold(std::size_t bytes); // taken, and not sent yet
    bool closed() const;

  private:
    static constexpr std::size_t kMaxPending = 256 * 1024;

    const std::size_t most_;
    mutable std::mutex mutex_;
    std::string pending_;
    std::size_t texts_ = 0; // that are pending
    std::size_t held_ = 0;
    std::function<void()> wake_;
    bool closed_ = false;
    bool abandoned_ = false;
};

} // namespace ayb::http
