#include "db/hosts.hpp"

#include <netdb.h>
#include <sys/socket.h>

#include <algorithm>
#include <memory>

namespace ayb::db {

namespace {

std::vector<std::string> split(const std::string &list) {
    std::vector<std::string> out(1);
    for (const char c : list) {
        if (c == ',')
            out.emplace_back();
        else
            out.back() += c;
    }
    return out;
}

std::string nth(const std::vector<std::string> &list, std::size_t n) {
    return n < list.size() ? list[n] : "";
}

} // namespace

std::vector<Host> hosts_of(const std::string &names, const std::string &addresses,
                           const std::string &ports) {
    const auto name = split(names), address = split(addresses), port = split(ports);
    std::vector<Host> out(addresses.empty() ? name.size() : address.size());
    for (std::size_t i = 0; i < out.size(); i++)
        out[i] = {nth(name, i), nth(address, i), port.size() == 1 ? port[0] : nth(port, i)};
    return out;
}

std::vector<Host> with_addresses(const Host &host) {
    const bool socket = host.name.empty() || host.name[0] == '/' || host.name[0] == '@';
    if (socket || !host.address.empty())
        return {host};
    addrinfo want{};
    want.ai_socktype = SOCK_STREAM;
    addrinfo *found = nullptr;
    if (getaddrinfo(host.name.c_str(), nullptr, &want, &found) != 0)
        return {};
    const std::unique_ptr<addrinfo, decltype(&freeaddrinfo)> owner(found, freeaddrinfo);
    std::vector<Host> out;
    for (; found != nullptr; found = found->ai_next) {
        char text[NI_MAXHOST];
        if (getnameinfo(found->ai_addr, found->ai_addrlen, text, sizeof text, nullptr, 0,
                        NI_NUMERICHOST) == 0)
            out.push_back({host.name, text, host.port});
    }
    return out;
}

} // namespace ayb::db
