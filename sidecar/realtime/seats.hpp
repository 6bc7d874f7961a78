#pragma once
// How many streams there may be: of an identity, of an address, and in all.
#include <map>
#include <memory>
#include <mutex>
#include <string>

namespace ayb::realtime {

struct SeatLimits {
    std::size_t identity = 20;
    std::size_t address = 1024;
    std::size_t all = 10000;
};

class Seats : public std::enable_shared_from_this<Seats> {
  public:
    explicit Seats(const SeatLimits &limits) : limits_(limits) {}

    // Taken for as long as it lives.
    class Seat {
      public:
        Seat(std::shared_ptr<Seats> seats, std::string identity, std::string address)
            : seats_(std::move(seats)), identity_(std::move(identity)),
              address_(std::move(address)) {}
        ~Seat() { seats_->leave(identity_, address_); }
        Seat(const Seat &) = delete;
        Seat &operator=(const Seat &) = delete;

      private:
        const std::shared_ptr<Seats> seats_;
        const std::string identity_;
        const std::string address_;
    };

    // Null where there is none left.
    std::unique_ptr<Seat> take(const std::string &identity, const std::string &address);

  private:
    using Counts = std::map<std::string, std::size_t>;

    void leave(const std::string &identity, const std::string &address);

    const SeatLimits limits_;
    std::mutex mutex_; // guards what follows
    Counts by_identity_;
    Counts by_address_;
    std::size_t all_ = 0;
};

} // namespace ayb::realtime
