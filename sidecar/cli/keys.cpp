#include "cli/keys.hpp"

#include <csignal>
#include <poll.h>
#include <thread>
#include <unistd.h>

namespace ayb::cli {

namespace {

constexpr char kCtrlC = 3, kCtrlZ = 26;

}

Keys::Keys()
    : there_(isatty(STDOUT_FILENO) == 1 && isatty(STDIN_FILENO) == 1 &&
             tcgetattr(STDIN_FILENO, &usual_) == 0) {
    take();
}

Keys::~Keys() { give_back(); }

// Signals come as keys: so the terminal is as it was before one ends us.
void Keys::take() const {
    if (!there_)
        return;
    termios ours = usual_;
    ours.c_lflag &= ~static_cast<tcflag_t>(ICANON | ECHO | ISIG);
    tcsetattr(STDIN_FILENO, TCSANOW, &ours);
}

void Keys::give_back() const {
    if (there_)
        tcsetattr(STDIN_FILENO, TCSANOW, &usual_);
}

void Keys::raise_as_usual(int signal) const {
    give_back();
    std::raise(signal);
    take();
}

bool Keys::quits() {
    char key = 0;
    there_ = ::read(STDIN_FILENO, &key, 1) == 1;
    if (key == kCtrlC || key == kCtrlZ)
        raise_as_usual(key == kCtrlC ? SIGINT : SIGTSTP);
    return key == 'q';
}

bool Keys::quit_within(std::chrono::milliseconds wait) {
    using Clock = std::chrono::steady_clock;
    const auto end = Clock::now() + wait;
    while (there_ && Clock::now() < end) {
        const auto left = std::chrono::ceil<std::chrono::milliseconds>(end - Clock::now());
        pollfd keyboard{STDIN_FILENO, POLLIN, 0};
        if (::poll(&keyboard, 1, static_cast<int>(left.count())) > 0 && quits())
            return true;
    }
    std::this_thread::sleep_until(end);
    return false;
}

} // namespace ayb::cli
