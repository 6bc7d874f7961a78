#include "work/process.hpp"

#include <fcntl.h>
#include <sys/wait.h>
#include <unistd.h>

#include <cerrno>
#include <cstring>
#include <system_error>

namespace ayb::work {

namespace {

struct Pipe {
    Descriptor read, write;
};

[[noreturn]] void no_room(const char *what) {
    throw std::system_error(errno, std::generic_category(), what);
}

Pipe make_pipe() {
    int ends[2];
    if (::pipe2(ends, O_CLOEXEC) != 0)
        no_room("a pipe");
    return {Descriptor(ends[0]), Descriptor(ends[1])};
}

// Our end of it; the program's stays as programs expect it.
void dont_wait(const Descriptor &end) {
    fcntl(end.get(), F_SETFL, fcntl(end.get(), F_GETFL) | O_NONBLOCK);
}

// A piece of what can be read now; nothing where there is none, and the end is closed where there
// never will be.
std::string read_piece(Descriptor &end) {
    char buffer[64 * 1024];
    const ssize_t got = ::read(end.get(), buffer, sizeof(buffer));
    if (got > 0)
        return {buffer, static_cast<std::size_t>(got)};
    if (got == 0 || (errno != EAGAIN && errno != EINTR))
        end.close();
    return "";
}

std::vector<char *> pointers(std::vector<std::string> &texts) {
    std::vector<char *> out;
    out.reserve(texts.size() + 1);
    for (std::string &text : texts)
        out.push_back(text.data());
    out.push_back(nullptr);
    return out;
}

// The guard begins with all signals blocked, so that it misses none.
pid_t start_guard(const Launch &launch, char *const *environment, const Ends &ends) {
    sigset_t all, before;
    sigfillset(&all);
    const pid_t parent = getpid();
    pthread_sigmask(SIG_SETMASK, &all, &before);
    const pid_t child = _Fork();
    if (child == 0)
        guard(parent, launch, environment, ends);
    pthread_sigmask(SIG_SETMASK, &before, nullptr);
    if (child < 0)
        no_room("a process");
    return child;
}

} // namespace

Descriptor &Descriptor::operator=(Descriptor &&other) noexcept {
    if (this != &other) {
        close();
        number_ = other.release();
    }
    return *this;
}

void Descriptor::close() {
    if (number_ >= 0)
        ::close(number_);
    number_ = -1;
}

int Descriptor::release() {
    const int number = number_;
    number_ = -1;
    return number;
}

Process::Process(const Launch &launch, const std::vector<std::string> &variables,
                 std::size_t longest)
    : longest_(longest) {
    std::vector<std::string> environment = launch.environment();
    environment.insert(environment.end(), variables.begin(), variables.end());
    const std::vector<char *> values = pointers(environment);
    Pipe in = make_pipe(), out = make_pipe(), err = make_pipe(), news = make_pipe();
    guard_ = start_guard(launch, values.data(),
                         {in.read.get(), out.write.get(), err.write.get(), news.write.get()});
    in_ = std::move(in.write);
    out_ = std::move(out.read);
    err_ = std::move(err.read);
    news_ = std::move(news.read);
    for (const Descriptor *end : {&in_, &out_, &err_, &news_})
        dont_wait(*end);
}

Process::~Process() {
    if (ended_)
        return;
    end();
    waitpid(guard_, nullptr, 0);
}

void Process::write(const std::string &text) {
    unread_.erase(0, sent_);
    sent_ = 0;
    unread_ += text;
    send();
}

void Process::end_input() {
    input_ends_ = true;
    send();
}

// A program need not read: SIGPIPE is ignored.
void Process::send() {
    while (in_.open() && sent_ < unread_.size()) {
        const ssize_t sent = ::write(in_.get(), unread_.data() + sent_, unread_.size() - sent_);
        if (sent < 0 && errno == EAGAIN)
            return;
        if (sent < 0 && errno != EINTR)
            in_.close();
        sent_ += sent > 0 ? static_cast<std::size_t>(sent) : 0;
    }
    if (input_ends_)
        in_.close();
}

void Process::watch(std::vector<pollfd> &looks) const {
    if (in_.open() && sent_ < unread_.size())
        looks.push_back({in_.get(), POLLOUT, 0});
    for (const Descriptor *end : {&out_, &err_, &news_})
        if (end->open())
            looks.push_back({end->get(), POLLIN, 0});
}

void Process::go_on() {
    send();
    read_out();
    read_err();
    read_news();
}

// What is longer than a result can be isn't kept, and its program ended.
void Process::read_out() {
    while (out_.open() && !ending_.too_long) {
        const std::string piece = read_piece(out_);
        if (piece.empty())
            return;
        ending_.out += piece;
        if (ending_.out.size() > longest_) {
            ending_.too_long = true;
            ending_.out.clear();
            out_.close();
            end();
        }
    }
}

void Process::read_err() {
    constexpr std::size_t kKept = 8 * kLongestError;
    while (err_.open()) {
        const std::string piece = read_piece(err_);
        if (piece.empty())
            return;
        ending_.err += piece;
        if (ending_.err.size() > kKept)
            ending_.err.erase(0, ending_.err.size() - kLongestError);
    }
}

// Its end is the guard's, and by then everybody's.
void Process::read_news() {
    while (news_.open()) {
        const std::string piece = read_piece(news_);
        if (piece.empty() && news_.open())
            return;
        told_ += piece;
    }
    if (ended_)
        return;
    waitpid(guard_, nullptr, 0);
    ended_ = true;
    News news{0, SIGKILL}; // a guard that says nothing was killed
    if (told_.size() >= sizeof(news))
        memcpy(&news, told_.data(), sizeof(news));
    ending_.start_error = news.start_error;
    ending_.status = news.status;
    read_out();
    read_err();
}

void Process::tell(int signal) const {
    if (!ended_)
        ::kill(guard_, signal);
}

void fill_low_descriptors() {
    constexpr int kLast = 3;
    int descriptor = 0;
    do
        descriptor = ::open("/dev/null", O_RDWR | O_CLOEXEC);
    while (descriptor >= 0 && descriptor <= kLast);
    ::close(descriptor);
}

} // namespace ayb::work
