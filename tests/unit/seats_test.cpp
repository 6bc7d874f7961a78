// Who may sit down, and tickets for it.
#include "realtime/seats.hpp"
#include "realtime/tickets.hpp"

#include <gtest/gtest.h>

#include <vector>

using namespace ayb::realtime;
using namespace std::chrono_literals;

TEST(Seats, AreBoundedByIdentityAddressAndAll) {
    const auto seats = std::make_shared<Seats>(SeatLimits{2, 3, 4});
    std::vector<std::unique_ptr<Seats::Seat>> taken;
    const auto take = [&](const char *identity, const char *address) {
        auto seat = seats->take(identity, address);
        const bool good = seat != nullptr;
        if (good)
            taken.push_back(std::move(seat));
        return good;
    };
    EXPECT_TRUE(take("u1", "a"));
    EXPECT_TRUE(take("u1", "a"));
    EXPECT_FALSE(take("u1", "b")); // of an identity
    EXPECT_TRUE(take("u2", "a"));
    EXPECT_FALSE(take("u2", "a")); // of an address
    EXPECT_TRUE(take("u2", "b"));
    EXPECT_FALSE(take("u3", "c")); // in all
    taken.erase(taken.begin());
    EXPECT_TRUE(take("u3", "c"));
    taken.clear();
    EXPECT_TRUE(take("u1", "a"));
}

TEST(Tickets, AreGoodOnceAndForAMoment) {
    Tickets tickets;
    const auto now = Tickets::Clock::now();
    ayb::tokens::Token token;
    token.subject = "u1";
    const auto one = tickets.give(token, now);
    const auto two = tickets.give(token, now);
    ASSERT_TRUE(one && two);
    EXPECT_NE(*one, *two);
    EXPECT_EQ(one->size(), 48U);
    EXPECT_EQ(tickets.take(*one, now + 29s)->subject, "u1");
    EXPECT_FALSE(tickets.take(*one, now + 29s));
    EXPECT_FALSE(tickets.take(*two, now + 30s));
    EXPECT_FALSE(tickets.take("", now));
}

TEST(Tickets, ThatNobodyCameForMakeRoom) {
    Tickets tickets;
    const auto now = Tickets::Clock::now();
    for (int i = 0; i < 10000; i++)
        ASSERT_TRUE(tickets.give({}, now));
    EXPECT_FALSE(tickets.give({}, now + 29s));
    EXPECT_TRUE(tickets.give({}, now + 31s));
}
