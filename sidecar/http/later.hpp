#pragma once
// An answer that isn't there yet: some thread gives it when it is, and until then it takes no
// thread, only the connection.
#include "http/message.hpp"

#include <functional>
#include <mutex>
#include <optional>

namespace ayb::http {

class Later {
  public:
    // Gives it, once. False where the client is gone, and nobody gets it. Any thread.
    bool answer(Response response);
    // Whether the client is gone. Any thread.
    bool abandoned() const;

    // Who made the request has something to add to every answer: it goes through `finish`. Before
    // attach().
    void finish_with(std::function<Response(Response)> finish) { finish_ = std::move(finish); }

    // The front's side: `send` is called, under our lock, when the answer is there, which it may be
    // already.
    void attach(std::function<void(Response)> send);
    void abandon();

  private:
    void send_answer();

    std::function<Response(Response)> finish_;
    mutable std::mutex mutex_;
    std::function<void(Response)> send_;
    std::optional<Response> response_;
    bool answered_ = false;
    bool abandoned_ = false;
};

} // namespace ayb::http
