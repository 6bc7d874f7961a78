#pragma once
// What stands for a token in an address: good once, and for a moment. They are this process's own.
#include "tokens/claims.hpp"

#include <chrono>
#include <map>
#include <mutex>

namespace ayb::realtime {

class Tickets {
  public:
    using Clock = std::chrono::steady_clock;

    // Nothing where there are too many.
    std::optional<std::string> give(const tokens::Token &token, Clock::time_point now);
    // The token, once.
    std::optional<tokens::Token> take(const std::string &ticket, Clock::time_point now);

    static constexpr std::chrono::seconds kLifetime{30};

  private:
    struct Entry {
        tokens::Token token;
        Clock::time_point end;
    };
    static constexpr std::size_t kMost = 10000;

    std::mutex mutex_; // guards what follows
    std::map<std::string, Entry> entries_;
};

} // namespace ayb::realtime
