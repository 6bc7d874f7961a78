#include "route/failure.hpp"

#include <gtest/gtest.h>

using namespace ayb::api;

TEST(Failure, MessageAndDetailsAreOneLine) {
    EXPECT_EQ(in_one("invalid step", ""), "invalid step");
    EXPECT_EQ(in_one("invalid step", "months have no length"),
              "invalid step: months have no length");
}

TEST(Failure, WhatTheDetailsSayTooIsNotSaidTwice) {
    EXPECT_EQ(in_one("schedule not found", "schedule 01-23 not found"), "schedule 01-23 not found");
    EXPECT_EQ(in_one("not found", "found not"), "not found: found not");
}
