#pragma once
// How many starts lie in a sliding window of time: never fewer than there were in any window of
// that length, so that whoever keeps to what this says keeps to the rate. Four instants at most are
// kept as they are; more are counted by sixteenths of the window, of which the last seventeen
// count: so a sixteenth of the rate is given away at worst. Whoever means to start reserves first,
// and what is reserved counts in every window until it is settled.
//
// All zero is a window in which nothing started. Times in microseconds, of one clock: where that is
// set back, what was counted counts as of now.
#include <cstdint>

namespace ayb::core {

class Window {
  public:
    static constexpr int kParts = 16;
    static constexpr int kInstants = 4; // how many starts are known by their instants

    // Whether one more may start by `now`, of `most` (at least 1) in a time of `length` (at least
    // kParts).
    bool has_room(int64_t now, int64_t length, int most);

    // When it may; `now` at the earliest, unless what is reserved is released before.
    int64_t opens_at(int64_t now, int64_t length, int most);

    // Whether it is what is reserved that takes the last of the room: it may be released any time.
    bool waits(int64_t now, int64_t length, int most);

    // How many count now, with what is reserved.
    int used(int64_t now, int64_t length, int most);

    // What was counted in one length counts as of now in another one.
    void carry(int64_t now, int64_t length, int64_t other);

    bool has_reserved() const { return reserved_ > 0; }
    void reserve() { reserved_++; }
    void release() { reserved_--; }

    // One that was reserved has started.
    void start(int64_t now, int64_t length);

  private:
    static constexpr int kKept = kParts + 1;

    int64_t part_of(int64_t now, int64_t length) const {
        return now / ((length + kParts - 1) / kParts);
    }
    void move_to(int64_t part);
    int started(int64_t now, int64_t length, int most);

    int64_t last_;                // part of time up to which is counted
    int counts_[kKept];           // by part, modulo kKept
    int64_t instants_[kInstants]; // of the last starts, the oldest is overwritten
    int next_;                    // of these
    int reserved_;
};

} // namespace ayb::core
