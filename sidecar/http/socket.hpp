#pragma once
// A client's socket, plain or TLS, that is never waited for. Whatever the kernel says comes down to
// four words, so nobody else has to know an errno.
#include <Poco/Net/StreamSocket.h>

#include <string>
#include <string_view>

namespace ayb::http {

class Socket {
  public:
    enum class Outcome {
        some,        // so many bytes went
        wants_read,  // not now: again when there is something to read,
        wants_write, // or when there is room; TLS may want either in both directions
        ended,       // the client is gone; close() is all that is left
    };

    // Takes the connection over, and makes it one that never blocks. Throws Poco::Exception where
    // the client is gone already.
    explicit Socket(const Poco::Net::StreamSocket &socket);

    // At most `size` bytes; `got` says how many.
    Outcome receive(char *buffer, std::size_t size, std::size_t &got);
    // A beginning of the text, which has to be offered again until it went; `sent` says how much.
    Outcome send(std::string_view text, std::size_t &sent);
    // Tells the client that nothing more comes. TLS has no such word.
    void finish();
    void close();

    bool secure() const { return secure_; }
    int descriptor() const { return descriptor_; }
    const std::string &peer() const { return peer_; } // numeric address, no port

  private:
    Poco::Net::StreamSocket socket_;
    bool secure_;
    int descriptor_;
    std::string peer_;
};

} // namespace ayb::http
