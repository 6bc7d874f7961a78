#pragma once
// What roles tell the lines of limited types (turns/role_line.hpp) of their lanes: that they have
// jobs, have none, or ask for a turn.
#include "lanes/lanes.hpp"

namespace ayb {

inline constexpr int kMostWishes = 32;

// The limits that were met, and whether the role has anything for them: it takes part in their
// turns as long as it has.
struct Wishes {
    struct {
        const Limit *limit;
        Oid role;
        bool wants;
        bool waits; // it may not start now
    } met[kMostWishes];
    int count;

    // False where there is no room.
    bool add(const Limit *limit, Oid role, bool wants, bool waits);

    // The rest without any lock. To their lines, all of it; or alone that there is nothing: whose
    // jobs these are isn't for whoever looks.
    void tell() const;
    void tell_ends() const;

    // Those that wait are told when there is a place for what they have; or have to look at last
    // at what this returns.
    TimestampTz ask() const;
};

} // namespace ayb
