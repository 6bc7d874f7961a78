#include "http/socket.hpp"

#include <Poco/Exception.h>
#include <Poco/Net/SecureStreamSocket.h>

#include <openssl/err.h>
#include <sys/socket.h>

#include <algorithm>
#include <cerrno>

namespace ayb::http {

namespace {

using Poco::Net::SecureStreamSocket;
using Outcome = Socket::Outcome;

// What a call of the kernel's gave; `later` is what it waits for. Memory that the kernel lacks is
// there again in a moment: who reads or writes slowly has a deadline anyway.
template <class Call> Outcome plain(Call call, Outcome later, std::size_t &count) {
    ssize_t result;
    do
        result = call();
    while (result < 0 && errno == EINTR);
    if (result > 0) {
        count = static_cast<std::size_t>(result);
        return Outcome::some;
    }
    const bool busy = result < 0 && (errno == EAGAIN || errno == EWOULDBLOCK || errno == ENOBUFS ||
                                     errno == ENOMEM);
    return busy ? later : Outcome::ended;
}

// The same through Poco's TLS, which says some of it by exceptions. OpenSSL's errors are kept by
// thread: what one client's broken handshake left there must not be read as another's.
template <class Call> Outcome secured(Call call, Outcome later, std::size_t &count) {
    ERR_clear_error();
    try {
        const int result = call();
        if (result > 0) {
            count = static_cast<std::size_t>(result);
            return Outcome::some;
        }
        return result == SecureStreamSocket::ERR_SSL_WANT_READ    ? Outcome::wants_read
               : result == SecureStreamSocket::ERR_SSL_WANT_WRITE ? Outcome::wants_write
                                                                  : Outcome::ended;
    } catch (const Poco::TimeoutException &) {
        return later;
    } catch (const Poco::Exception &) {
        return Outcome::ended;
    }
}

} // namespace

Socket::Socket(const Poco::Net::StreamSocket &socket)
    : socket_(socket), secure_(socket.secure()),
      descriptor_(static_cast<int>(socket.impl()->sockfd())),
      peer_(socket.peerAddress().host().toString()) {
    socket_.setBlocking(false);
    socket_.setNoDelay(true);
}

Outcome Socket::receive(char *buffer, std::size_t size, std::size_t &got) {
    if (secure_)
        return secured([&] { return socket_.receiveBytes(buffer, static_cast<int>(size)); },
                       Outcome::wants_read, got);
    return plain([&] { return ::recv(descriptor_, buffer, size, 0); }, Outcome::wants_read, got);
}

Outcome Socket::send(std::string_view text, std::size_t &sent) {
    // As much as a record of TLS holds.
    constexpr std::size_t kRecord = 16 * 1024;
    if (secure_)
        return secured(
            [&] {
                return socket_.sendBytes(text.data(),
                                         static_cast<int>(std::min(text.size(), kRecord)));
            },
            Outcome::wants_write, sent);
    return plain([&] { return ::send(descriptor_, text.data(), text.size(), MSG_NOSIGNAL); },
                 Outcome::wants_write, sent);
}

void Socket::finish() {
    if (!secure_)
        ::shutdown(descriptor_, SHUT_WR);
}

void Socket::close() {
    descriptor_ = -1; // it may be somebody else's in a moment
    ERR_clear_error();
    try {
        socket_.impl()->close();
    } catch (const Poco::Exception &) {
        // TLS's farewell to a client that is gone; the descriptor is closed with the object.
    }
}

} // namespace ayb::http
