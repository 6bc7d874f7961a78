#pragma once
// One client, never waited for: the front calls it when its socket can be read or written.
//
//   reading ──request──▶ working ──response──▶ writing ──▶ reading (kept alive)
//      │ refused                                  ├──────▶ streaming, until the stream closes
//      └─────────────────────────────────────────▶└──────▶ draining ──▶ closed
//
// Draining: what is still sent to us is read and thrown away for a while, since closing a socket
// with unread bytes would take our answer back from the client.
#include "http/request_reader.hpp"
#include "http/socket.hpp"
#include "http/stream.hpp"

#include <chrono>

namespace ayb::http {

using Clock = std::chrono::steady_clock;

struct Deadlines {
    std::chrono::milliseconds head{10000};
    std::chrono::milliseconds body{30000};
    std::chrono::milliseconds idle{60000};
    std::chrono::milliseconds write{30000}; // without a byte taken
};

class Connection {
  public:
    enum class State { reading, working, writing, streaming, draining, closed };

    Connection(const Poco::Net::StreamSocket &socket, ReaderLimits limits,
               const Deadlines &deadlines);
    ~Connection();
    Connection(const Connection &) = delete;
    Connection &operator=(const Connection &) = delete;

    State state() const { return state_; }
    bool idle() const {
        return state_ == State::reading && reader_.state() == RequestReader::State::idle;
    }
    bool streaming() const { return stream_ != nullptr; }
    std::size_t buffered() const {
        return reader_.buffered() + out_.size() + body_.size() + working_;
    }
    int descriptor() const { return socket_.descriptor(); }
    // What to wait for, as EPOLLIN and EPOLLOUT.
    unsigned interest() const;

    // Each of these may end in another state. True from on_readable() where a request is there.
    bool on_readable();
    // The same after an answer: what came meanwhile may be in our buffer, or in TLS's.
    bool on_resumed();
    void on_writable();
    void on_deadline(Clock::time_point now);
    Request take_request(); // → working
    void respond(Response response, bool last);
    void refuse(const Refusal &refusal);
    void pump(); // what the stream has
    void close();

  private:
    bool reads() const;
    std::string_view unsent() const;
    void take_body(std::string body);
    bool read_some();
    bool look_at_request();
    void write_some();
    void written();
    void extend(std::chrono::milliseconds time) { deadline_ = Clock::now() + time; }
    void watch_reading();
    void take_more();
    void drain();

    Socket socket_;
    const Deadlines &deadlines_;
    RequestReader reader_;
    RequestReader::State seen_ = RequestReader::State::idle;
    State state_ = State::reading;
    std::string out_;
    std::string body_; // goes after it: a large one is not copied, which would hold up everybody
    std::size_t sent_ = 0;          // of both
    bool read_wants_write_ = false; // TLS in the middle of something of its own
    bool write_wants_read_ = false;
    std::shared_ptr<Stream> stream_;
    bool keep_alive_ = false;
    bool head_only_ = false;
    std::size_t drained_ = 0;
    std::size_t working_ = 0; // bytes of the request that is worked at
    Clock::time_point deadline_;
};

} // namespace ayb::http
