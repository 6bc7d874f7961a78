#pragma once
// The servers of a connection string, one by one.
#include <string>
#include <vector>

namespace ayb::db {

// What libpq calls host, hostaddr and port; "" leaves it to libpq.
struct Host {
    std::string name;
    std::string address;
    std::string port;
};

// libpq's three lists, put together as it does: as many hosts as there are addresses, or else
// names; a single port is everybody's. Lists that don't fit each other, which libpq refuses, are
// filled up with "".
std::vector<Host> hosts_of(const std::string &names, const std::string &addresses,
                           const std::string &ports);

// The same host, once for each of its addresses; as it is where it has one already, or where it is
// a directory of unix sockets. None where its name means nothing. Asks the resolver, and waits.
std::vector<Host> with_addresses(const Host &host);

} // namespace ayb::db
