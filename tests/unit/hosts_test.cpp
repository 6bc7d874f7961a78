#include "db/hosts.hpp"

#include <gtest/gtest.h>

#include <ostream>
#include <tuple>

namespace ayb::db {

bool operator==(const Host &a, const Host &b) {
    return std::tie(a.name, a.address, a.port) == std::tie(b.name, b.address, b.port);
}
std::ostream &operator<<(std::ostream &out, const Host &host) {
    return out << host.name << " (" << host.address << "):" << host.port;
}

} // namespace ayb::db

using namespace ayb::db;
using Hosts = std::vector<Host>;

TEST(Hosts, EachNameHasItsPort) {
    EXPECT_EQ(hosts_of("a,b,/tmp", "", "1,2,3"),
              (Hosts{{"a", "", "1"}, {"b", "", "2"}, {"/tmp", "", "3"}}));
}

TEST(Hosts, ASinglePortIsEverybodys) {
    EXPECT_EQ(hosts_of("a,b", "", "5432"), (Hosts{{"a", "", "5432"}, {"b", "", "5432"}}));
}

TEST(Hosts, AnEmptyPlaceIsLeftToLibpq) {
    EXPECT_EQ(hosts_of("a,,b", "", "1,,"), (Hosts{{"a", "", "1"}, {"", "", ""}, {"b", "", ""}}));
    EXPECT_EQ(hosts_of("", "", "5432"), (Hosts{{"", "", "5432"}}));
}

TEST(Hosts, AddressesCountWhereThereAreSome) {
    EXPECT_EQ(hosts_of("", "10.0.0.1,10.0.0.2", "7"),
              (Hosts{{"", "10.0.0.1", "7"}, {"", "10.0.0.2", "7"}}));
    EXPECT_EQ(hosts_of("a,b", "10.0.0.1,", "7"), (Hosts{{"a", "10.0.0.1", "7"}, {"b", "", "7"}}));
}

TEST(Hosts, WhatLibpqRefusesIsFilledUp) {
    EXPECT_EQ(hosts_of("a,b,c", "", "1,2"), (Hosts{{"a", "", "1"}, {"b", "", "2"}, {"c", "", ""}}));
    EXPECT_EQ(hosts_of("a", "10.0.0.1,10.0.0.2", "1"),
              (Hosts{{"a", "10.0.0.1", "1"}, {"", "10.0.0.2", "1"}}));
}

TEST(Hosts, WhatHasAnAddressOrIsASocketStaysAsItIs) {
    for (const Host &host : Hosts{{"a", "10.0.0.1", "1"}, {"/tmp", "", "1"}, {"@x", "", "1"}, {}})
        EXPECT_EQ(with_addresses(host), Hosts{host});
}

TEST(Hosts, ANameComesWithEachOfItsAddresses) {
    EXPECT_EQ(with_addresses({"127.0.0.2", "", "1"}), (Hosts{{"127.0.0.2", "127.0.0.2", "1"}}));
    EXPECT_EQ(with_addresses({"::1", "", "1"}), (Hosts{{"::1", "::1", "1"}}));
    for (const Host &host : with_addresses({"localhost", "", "1"}))
        EXPECT_TRUE(host.name == "localhost" &&
                    (host.address == "127.0.0.1" || host.address == "::1"));
    EXPECT_FALSE(with_addresses({"localhost", "", "1"}).empty());
}

TEST(Hosts, ANameThatMeansNothingHasNone) {
    EXPECT_EQ(with_addresses({"no such host", "", "1"}), Hosts{});
}
