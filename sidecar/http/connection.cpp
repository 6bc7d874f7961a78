#include "http/connection.hpp"

#include <sys/epoll.h>

#include <algorithm>

namespace ayb::http {

namespace {

constexpr std::size_t kReadSize = 16 * 1024;
constexpr std::size_t kSmallBody = 16 * 1024;
constexpr std::size_t kMaxDrained = 24 * 1024 * 1024; // more than any body may have
constexpr std::size_t kMaxStreamed = 64 * 1024; // beyond, the rest stays in the stream's own bound
constexpr std::chrono::milliseconds kDrainTime{2000};

} // namespace

Connection::Connection(const Poco::Net::StreamSocket &socket, ReaderLimits limits,
                       const Deadlines &deadlines)
    : socket_(socket), deadlines_(deadlines), reader_(limits) {
    // A client that says nothing has the time of a head, not of an idle one.
    extend(deadlines_.head);
}

Connection::~Connection() { close(); }

void Connection::close() {
    if (stream_)
        stream_->abandon();
    stream_ = nullptr;
    if (state_ != State::closed)
        socket_.close();
    state_ = State::closed;
}

unsigned Connection::interest() const {
    unsigned events = 0;
    if (reads())
        events |= read_wants_write_ ? EPOLLOUT : EPOLLIN;
    if (!unsent().empty())
        events |= write_wants_read_ ? EPOLLIN : EPOLLOUT;
    return events;
}

bool Connection::reads() const {
    return state_ == State::reading || state_ == State::streaming || state_ == State::draining;
}

// False where there is nothing to read now, or ever again.
bool Connection::read_some() {
    char buffer[kReadSize];
    std::size_t got = 0;
    const Socket::Outcome outcome = socket_.receive(buffer, sizeof(buffer), got);
    read_wants_write_ = outcome == Socket::Outcome::wants_write;
    if (outcome == Socket::Outcome::ended)
        close();
    if (outcome != Socket::Outcome::some)
        return false;
    if (state_ == State::reading)
        reader_.feed({buffer, got});
    else if ((drained_ += got) > kMaxDrained)
        close();
    // A plain socket that gave less than it was asked for has no more; epoll will say when it has.
    return state_ != State::closed && (got == sizeof(buffer) || socket_.secure());
}

bool Connection::on_readable() {
    using Reading = RequestReader::State;
    while (reads()) {
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
        if (state_ != State::reading)
            return false;
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
    request.peer = socket_.peer();
    working_ = request.body.size();
    keep_alive_ = request.keep_alive;
    head_only_ = request.method == "HEAD";
    state_ = State::working;
    return request;
}

// What is to go next.
std::string_view Connection::unsent() const {
    return sent_ < out_.size() ? std::string_view(out_).substr(sent_)
                               : std::string_view(body_).substr(sent_ - out_.size());
}

void Connection::take_body(std::string body) {
    if (body.size() > kSmallBody)
        body_ = std::move(body);
    else
        out_ += body; // in one call with the head
}

void Connection::respond(Response response, bool last) {
    if (state_ != State::working)
        return;
    working_ = 0;
    keep_alive_ = keep_alive_ && !last && !response.close && !response.stream; // as its head says
    out_ += serialize(response, keep_alive_, true);
    if (!head_only_ && response.status != 204 && response.status != 304)
        take_body(std::move(response.body));
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
    while (!unsent().empty()) {
        std::size_t sent = 0;
        const Socket::Outcome outcome = socket_.send(unsent(), sent);
        write_wants_read_ = outcome == Socket::Outcome::wants_read;
        if (outcome == Socket::Outcome::ended)
            close();
        if (outcome != Socket::Outcome::some)
            return;
        sent_ += sent;
        extend(deadlines_.write);
    }
    out_ = std::string(); // with its memory: one large answer is not the next one's size
    body_ = std::string();
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
    socket_.finish();
}

void Connection::pump() {
    if (state_ != State::streaming)
        return;
    if (out_.size() - sent_ <= kMaxStreamed)
        take_more();
    if (stream_)
        stream_->hold(out_.size() - sent_);
}

void Connection::take_more() {
    const bool closed = stream_->closed();
    out_.erase(0, sent_);
    sent_ = 0;
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
