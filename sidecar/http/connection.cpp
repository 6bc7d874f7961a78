#include "http/connection.hpp"

#include <Poco/Exception.h>

#include <sys/epoll.h>

namespace ayb::http {

namespace {

constexpr std::size_t kReadSize = 16 * 1024;
constexpr std::size_t kMaxDrained = 8 * 1024 * 1024;
constexpr std::size_t kMaxStreamed = 64 * 1024; // beyond, the rest stays in the stream's own bound
constexpr std::chrono::milliseconds kDrainTime{2000};

// What a socket without blocking gives back; below 0 where it would have to wait, which Poco's TLS
// says by an exception.
template <class Io> int now_or_later(Io io) {
    try {
        return io();
    } catch (const Poco::TimeoutException &) {
        return -1;
    }
}

} // namespace

Connection::Connection(const Poco::Net::StreamSocket &socket, ReaderLimits limits,
                       const Deadlines &deadlines)
    : socket_(socket), deadlines_(deadlines), peer_(socket.peerAddress().host().toString()),
      descriptor_(static_cast<int>(socket.impl()->sockfd())), reader_(limits) {
    socket_.setBlocking(false);
    socket_.setNoDelay(true);
    // A client that says nothing has the time of a head, not of an idle one.
    extend(deadlines_.head);
}

Connection::~Connection() { close(); }

void Connection::close() {
    if (stream_)
        stream_->abandon();
    stream_ = nullptr;
    if (state_ != State::closed)
        socket_.impl()->close();
    state_ = State::closed;
}

unsigned Connection::interest() const {
    unsigned events = 0;
    if (state_ == State::reading || state_ == State::streaming || state_ == State::draining)
        events |= EPOLLIN;
    if (sent_ < out_.size())
        events |= EPOLLOUT;
    return events;
}

// False where there is nothing to read now, or ever again.
bool Connection::read_some() {
    char buffer[kReadSize];
    const int got = now_or_later([&] { return socket_.receiveBytes(buffer, sizeof(buffer)); });
    if (got < 0)
        return false;
    if (got == 0) {
        close();
        return false;
    }
    if (state_ == State::reading)
        reader_.feed({buffer, static_cast<std::size_t>(got)});
    else if ((drained_ += static_cast<std::size_t>(got)) > kMaxDrained)
        close();
    // A plain socket that gave less than it was asked for has no more; epoll will say when it has.
    return state_ != State::closed &&
           (static_cast<std::size_t>(got) == sizeof(buffer) || socket_.secure());
}

bool Connection::on_readable() {
    using Reading = RequestReader::State;
    while (interest() & EPOLLIN) {
        const Reading now = reader_.state();
        if (state_ == State::reading && (now == Reading::complete || now == Reading::refused))
            break;
        if (!read_some())
            break;
    }
    return look_at_request();
}

bool Connection::on_resumed() { return socket_.secure() ? on_readable() : look_at_request(); }

// True where a request is there as a whole.
bool Connection::look_at_request() {
    using Reading = RequestReader::State;
    if (state_ != State::reading)
        return false;
    if (reader_.take_expectation() && reader_.state() == Reading::body) {
        out_ += "HTTP/1.1 100 Continue\r\n\r\n";
        write_some();
    }
    watch_reading();
    if (reader_.state() == Reading::refused)
        refuse(reader_.refusal());
    return state_ == State::reading && reader_.state() == Reading::complete;
}

// Each part of a request has its own time, counted from its beginning: a byte now and then wins
// none.
void Connection::watch_reading() {
    using Reading = RequestReader::State;
    const Reading now = reader_.state();
    if (now == seen_)
        return;
    seen_ = now;
    extend(now == Reading::idle   ? deadlines_.idle
           : now == Reading::head ? deadlines_.head
                                  : deadlines_.body);
}

Request Connection::take_request() {
    Request request = reader_.take_request();
    request.peer = peer_;
    working_ = request.body.size();
    keep_alive_ = request.keep_alive;
    head_only_ = request.method == "HEAD";
    state_ = State::working;
    return request;
}

void Connection::respond(const Response &response, bool last) {
    if (state_ != State::working)
        return;
    working_ = 0;
    keep_alive_ = keep_alive_ && !last && !response.close;
    out_ += serialize(response, keep_alive_, head_only_);
    stream_ = response.stream;
    state_ = stream_ ? State::streaming : State::writing;
    extend(deadlines_.write);
    write_some();
}

void Connection::refuse(const Refusal &refusal) {
    keep_alive_ = false;
    out_ += serialize(error_response(refusal.status, refusal.message), false, false);
    state_ = State::writing;
    extend(deadlines_.write);
    write_some();
}

void Connection::write_some() {
    while (sent_ < out_.size()) {
        const auto left = static_cast<int>(std::min(out_.size() - sent_, kReadSize));
        const int sent = now_or_later([&] { return socket_.sendBytes(out_.data() + sent_, left); });
        if (sent <= 0)
            return;
        sent_ += static_cast<std::size_t>(sent);
        extend(deadlines_.write);
    }
    out_.clear();
    sent_ = 0;
    written();
}

void Connection::on_writable() {
    write_some();
    if (state_ == State::streaming)
        pump();
}

// All that we had is sent.
void Connection::written() {
    if (state_ != State::writing)
        return;
    if (!keep_alive_) {
        drain();
        return;
    }
    state_ = State::reading;
    seen_ = RequestReader::State::idle;
    extend(deadlines_.idle);
    watch_reading();
}

void Connection::drain() {
    state_ = State::draining;
    extend(kDrainTime);
    socket_.shutdownSend();
}

void Connection::pump() {
    if (state_ != State::streaming || out_.size() - sent_ > kMaxStreamed)
        return;
    const bool closed = stream_->closed();
    out_ += stream_->take();
    if (!out_.empty())
        extend(deadlines_.write);
    if (closed)
        state_ = State::writing;
    write_some();
}

void Connection::on_deadline(Clock::time_point now) {
    if (now < deadline_ || state_ == State::working || (state_ == State::streaming && out_.empty()))
        return;
    if (state_ == State::reading && !idle())
        refuse({408, "request timeout"});
    else
        close();
}

} // namespace ayb::http
