#include "http/front.hpp"

#include <Poco/Net/NetException.h>

#include <poll.h>
#include <sys/epoll.h>
#include <sys/eventfd.h>
#include <unistd.h>

#include <algorithm>
#include <array>
#include <cerrno>
#include <random>
#include <tuple>

namespace ayb::http {

namespace {

constexpr std::uint64_t kListener = 0;
constexpr std::uint64_t kEvent = 1;
constexpr int kTickMs = 250;
constexpr int kAcceptsAtOnce = 64;

// Tells our requests from those of our past lives, and of other sidecars.
std::string random_prefix() {
    std::random_device random;
    char text[16];
    std::snprintf(text, sizeof(text), "%08x-", random());
    return text;
}

// Without a descriptor of its own, which Poco's poll() takes: there may be none left, or only the
// one that who waits is to have.
bool somebody_waits(const Poco::Net::ServerSocket &listener) {
    pollfd door{static_cast<int>(listener.impl()->sockfd()), POLLIN, 0};
    return ::poll(&door, 1, 0) > 0;
}

bool is_shortage(int error) {
    return error == EMFILE || error == ENFILE || error == ENOBUFS || error == ENOMEM;
}

} // namespace

Front::Front(const Poco::Net::ServerSocket &listener, const FrontSettings &settings,
             Handler handler, LaneOf lane_of)
    : listener_(listener), settings_(settings), handler_(std::move(handler)),
      lane_of_(std::move(lane_of)), request_prefix_(random_prefix()),
      epoll_(epoll_create1(EPOLL_CLOEXEC)), event_(eventfd(0, EFD_NONBLOCK | EFD_CLOEXEC)) {
    for (std::size_t lane = 0; lane < settings.lanes; lane++)
        workers_.push_back(std::make_unique<Workers>(settings.threads, settings.queue));
    listener_.setBlocking(false);
    if (!watch(static_cast<int>(listener_.impl()->sockfd()), kListener, EPOLLIN, false) ||
        !watch(event_, kEvent, EPOLLIN, false))
        throw Poco::IOException("no descriptors to wait with");
}

Front::~Front() {
    workers_.clear(); // they may still answer
    for (const auto &[id, client] : clients_)
        if (client.later)
            client.later->abandon();
    clients_.clear();
    ::close(event_);
    ::close(epoll_);
}

bool Front::watch(int descriptor, std::uint64_t id, unsigned events, bool known) {
    epoll_event event{};
    event.events = events;
    event.data.u64 = id;
    return epoll_ctl(epoll_, known ? EPOLL_CTL_MOD : EPOLL_CTL_ADD, descriptor, &event) == 0;
}

// Who is told only once must be told: a full counter is as good as one more.
void Front::wake() {
    const std::uint64_t one = 1;
    while (::write(event_, &one, sizeof(one)) < 0 && errno == EINTR) {
    }
}

void Front::stop() {
    stopping_ = true;
    wake();
}

void Front::run(std::chrono::milliseconds grace) {
    while (!stopping_)
        poll(kTickMs);
    stop_accepting();
    const auto end = Clock::now() + grace;
    while (busy() && Clock::now() < end)
        poll(kTickMs / 10);
}

template <class Step> bool Front::with(std::uint64_t id, Step step) {
    const auto found = clients_.find(id);
    if (found == clients_.end())
        return false;
    try {
        step(*found->second.connection);
    } catch (const Poco::Exception &) {
        found->second.connection->close(); // reset by the client, or no TLS
    }
    settle(id, found->second);
    return true;
}

void Front::stop_accepting() {
    listener_.close();
    std::vector<std::uint64_t> idle;
    for (const auto &[id, client] : clients_)
        if (client.connection->idle())
            idle.push_back(id);
    for (const std::uint64_t id : idle)
        forget(id);
}

// Whether somebody waits for an answer. Who has not finished asking is not waited for.
bool Front::busy() const {
    return std::any_of(clients_.begin(), clients_.end(), [](const auto &entry) {
        const Connection::State state = entry.second.connection->state();
        return state != Connection::State::reading && state != Connection::State::draining;
    });
}

void Front::poll(int timeout_ms) {
    std::array<epoll_event, 256> events;
    const int count =
        epoll_wait(epoll_, events.data(), static_cast<int>(events.size()), timeout_ms);
    for (int i = 0; i < count; i++) {
        const epoll_event &event = events[static_cast<std::size_t>(i)];
        if (event.data.u64 == kListener)
            accept_all();
        else if (event.data.u64 == kEvent)
            take_answers();
        else
            on_event(event.data.u64, event.events);
    }
    if (Clock::now() - swept_ >= std::chrono::milliseconds(kTickMs))
        sweep();
}

void Front::accept_all() {
    try {
        for (int i = 0; i < kAcceptsAtOnce && !stopping_; i++) {
            if (!somebody_waits(listener_))
                return;
            accept_one();
        }
    } catch (const Poco::Exception &error) {
        // The client was gone again; or it stays at the door since we have no descriptor for it,
        // and would wake us without end: who is idle makes room, or the next tick looks again.
        if (is_shortage(error.code()) && !make_room())
            accept_again(false);
    }
}

void Front::accept_again(bool now) {
    if (accepting_ == now || stopping_)
        return;
    accepting_ = now;
    watch(static_cast<int>(listener_.impl()->sockfd()), kListener, now ? unsigned{EPOLLIN} : 0U,
          true);
}

void Front::accept_one() {
    if (clients_.size() >= settings_.max_connections)
        make_room();
    const Poco::Net::StreamSocket socket = listener_.acceptConnection();
    auto connection = std::make_unique<Connection>(socket, settings_.reader, settings_.deadlines);
    const std::uint64_t id = next_id_++;
    if (!watch(connection->descriptor(), id, EPOLLIN, false))
        return;
    clients_.emplace(id, Client{std::move(connection), EPOLLIN, 0, false});
    count_ = clients_.size();
}

// A new client is worth more than the one that is idle for longest, or else still asks for longest.
// False where there is none.
bool Front::make_room() {
    const auto rank = [](const auto &entry) {
        const Connection &connection = *entry.second.connection;
        const bool reading = connection.state() == Connection::State::reading;
        return std::make_tuple(!reading, !connection.idle(), entry.first);
    };
    const auto victim =
        std::min_element(clients_.begin(), clients_.end(),
                         [&](const auto &a, const auto &b) { return rank(a) < rank(b); });
    if (victim == clients_.end() ||
        victim->second.connection->state() != Connection::State::reading)
        return false;
    forget(victim->first);
    return true;
}

void Front::on_event(std::uint64_t id, unsigned events) {
    const auto found = clients_.find(id);
    if (found != clients_.end())
        found->second.restless = found->second.connection->state() == Connection::State::working;
    const bool hung_up = found != clients_.end() && found->second.later && (events & EPOLLRDHUP);
    with(id, [&](Connection &connection) {
        if (hung_up || ((events & (EPOLLERR | EPOLLHUP)) && !(events & EPOLLIN)))
            return connection.close();
        connection.on_writable();
        if (connection.state() != Connection::State::closed && connection.on_readable())
            start_request(id, connection);
    });
}

void Front::start_request(std::uint64_t id, Connection &connection) {
    auto request = std::make_shared<Request>(connection.take_request());
    request->id = request_prefix_ + std::to_string(++requests_);
    const std::unique_ptr<Workers> &workers = workers_[lane_of_(*request)];
    if (workers->submit([this, id, request] { answer(id, handler_(*request)); }))
        return;
    Response busy = error_response(503, "too many requests at once");
    busy.headers.emplace_back("Retry-After", "1");
    answer(id, std::move(busy));
}

void Front::answer(std::uint64_t id, Response response) {
    const std::lock_guard lock(mutex_);
    answers_.push_back({id, std::move(response)});
    if (answers_.size() == 1) // else the front has been told already
        wake();
}

void Front::take_answers() {
    std::uint64_t count;
    [[maybe_unused]] const auto got = ::read(event_, &count, sizeof(count));
    std::vector<Answer> answers;
    std::vector<std::uint64_t> streams;
    {
        const std::lock_guard lock(mutex_);
        answers.swap(answers_);
        streams.swap(streams_);
    }
    for (Answer &answer : answers)
        deliver(answer);
    for (const std::uint64_t id : streams)
        with(id, [](Connection &connection) { connection.pump(); });
}

// Nothing is read meanwhile, but that it hangs up is heard: nobody is to be given what would go to
// a client that is gone.
void Front::put_off(std::uint64_t id, const std::shared_ptr<Later> &later) {
    const auto found = clients_.find(id);
    if (found == clients_.end())
        return later->abandon();
    found->second.later = later;
    settle(id, found->second);
    later->attach([this, id](Response response) { answer(id, std::move(response)); });
}

void Front::deliver(Answer &answer) {
    const std::uint64_t id = answer.connection;
    if (answer.response.later)
        return put_off(id, answer.response.later);
    if (const auto found = clients_.find(id); found != clients_.end())
        found->second.later = nullptr;
    const std::shared_ptr<Stream> stream = answer.response.stream;
    bool streaming = false;
    with(id, [&](Connection &connection) {
        connection.respond(std::move(answer.response), stopping_);
        streaming = connection.streaming();
        // The next request may be here already, in our buffer or in TLS's.
        if (connection.state() == Connection::State::reading && connection.on_resumed())
            start_request(id, connection);
    });
    if (!stream)
        return;
    if (!streaming)
        return stream->abandon();
    stream->attach([this, id] {
        const std::lock_guard lock(mutex_);
        streams_.push_back(id);
        wake();
    });
}

// Forgets a closed connection; has epoll wait for what another one wants.
void Front::settle(std::uint64_t id, Client &client) {
    account(client);
    Connection &connection = *client.connection;
    if (connection.state() == Connection::State::closed)
        return forget(id);
    const unsigned wanted = connection.interest() | (client.later ? unsigned{EPOLLRDHUP} : 0U);
    // Most clients are silent until they have their answer: no need to look away meanwhile, and
    // back.
    const bool working = connection.state() == Connection::State::working;
    if (client.watched == wanted || (working && !client.restless && !client.later))
        return;
    client.watched = wanted;
    if (!watch(connection.descriptor(), id, wanted, true))
        forget(id);
}

// What all clients together may have us hold is bounded: beyond, who still sends much is refused.
void Front::account(Client &client) {
    constexpr std::size_t kMuch = 64 * 1024;
    const std::size_t now = client.connection->buffered();
    buffered_ += now - client.buffered;
    client.buffered = now;
    if (buffered_ > settings_.max_buffered && now > kMuch &&
        client.connection->state() == Connection::State::reading)
        client.connection->refuse({503, "too many requests at once"});
}

void Front::forget(std::uint64_t id) {
    const auto found = clients_.find(id);
    buffered_ -= found->second.buffered;
    if (found->second.later)
        found->second.later->abandon();
    clients_.erase(found);
    count_ = clients_.size();
}

void Front::sweep() {
    swept_ = Clock::now();
    accept_again(true);
    std::vector<std::uint64_t> ids;
    ids.reserve(clients_.size());
    for (const auto &[id, client] : clients_)
        ids.push_back(id);
    for (const std::uint64_t id : ids)
        with(id, [this](Connection &connection) { connection.on_deadline(swept_); });
}

} // namespace ayb::http
