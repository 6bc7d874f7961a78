#include "work/work.hpp"

#include "work/place.hpp"

#include <sys/eventfd.h>
#include <sys/prctl.h>
#include <sys/signalfd.h>
#include <unistd.h>

#include <cerrno>
#include <csignal>
#include <cstdlib>
#include <random>
#include <system_error>

namespace ayb::work {

namespace {

using Clock = std::chrono::steady_clock;

constexpr int kTickMs = 250;
constexpr std::chrono::seconds kTellFor{10}; // how the last jobs ended

sigset_t our_signals() {
    sigset_t signals;
    sigemptyset(&signals);
    for (const int signal : {SIGTERM, SIGINT, SIGHUP})
        sigaddset(&signals, signal);
    return signals;
}

// Before there is a second thread. What we know is nobody's to read by /proc, though a program may
// run as the same user.
void settle() {
    fill_low_descriptors();
    prctl(PR_SET_DUMPABLE, 0);
    std::signal(SIGPIPE, SIG_IGN);
    std::signal(SIGCHLD, SIG_DFL);
    const sigset_t signals = our_signals();
    sigprocmask(SIG_BLOCK, &signals, nullptr);
}

void raise_descriptor_limit() {
    rlimit limit{};
    getrlimit(RLIMIT_NOFILE, &limit);
    limit.rlim_cur = limit.rlim_max;
    setrlimit(RLIMIT_NOFILE, &limit);
}

// No other worker's: a container's host and process may have been those of its predecessor.
std::string make_name() {
    char host[128] = "";
    gethostname(host, sizeof(host) - 1);
    std::random_device random;
    char chance[16];
    std::snprintf(chance, sizeof(chance), "%08x", random());
    return std::string(host) + "." + std::to_string(getpid()) + "." + chance;
}

std::string dsn_of(const Options &options) {
    const char *usual = std::getenv("AYB_JOBS_DSN");
    return !options.dsn.empty() || usual == nullptr ? options.dsn : usual;
}

class Worker {
  public:
    Worker(const Options &options, const Note &note)
        : options_(options), note_(note), launch_(options),
          signals_(::signalfd(-1, &blocked_, SFD_CLOEXEC | SFD_NONBLOCK)),
          news_(::eventfd(0, EFD_CLOEXEC | EFD_NONBLOCK)),
          desk_(
              {dsn_of(options), options.name.empty() ? make_name() : options.name, options.types,
               options.lease},
              [this] { wake(); }, note),
          place_(options.persistent ? by_lines(launch_, desk_, note) : one_a_job(launch_, desk_)) {}

    void run() {
        desk_.add_room(options_.concurrency);
        while (!done()) {
            wait();
            for (const Desk::Lost &lost : desk_.take_lost())
                place_->lose(lost);
            for (Job &job : desk_.take_jobs())
                take(std::move(job));
            place_->go_on();
            take_signals();
            if (Clock::now() >= end_at_)
                place_->end_all();
        }
    }

  private:
    void wake() const {
        const std::uint64_t one = 1;
        [[maybe_unused]] const auto written = ::write(news_.get(), &one, sizeof(one));
    }

    void wait() {
        std::vector<pollfd> looks = {{signals_.get(), POLLIN, 0}, {news_.get(), POLLIN, 0}};
        place_->watch(looks);
        ::poll(looks.data(), looks.size(), place_->empty() && !stopping_ ? -1 : kTickMs);
        std::uint64_t count;
        [[maybe_unused]] const auto got = ::read(news_.get(), &count, sizeof(count));
    }

    // A claim may be on its way when we stop: no program is begun then, which would have the time
    // of those that run.
    void take(Job &&job) {
        if (stopping_)
            return desk_.give_back(job);
        try {
            place_->start(std::move(job));
        } catch (const std::system_error &error) {
            Ending ending;
            ending.start_error = error.code().value();
            desk_.tell(report_of(job, ending));
            desk_.add_room(1);
        }
    }

    void take_signals() {
        signalfd_siginfo signal;
        while (::read(signals_.get(), &signal, sizeof(signal)) == sizeof(signal)) {
            end_at_ = stopping_ ? Clock::now() : Clock::now() + options_.grace;
            note_(stopping_ ? "ending programs" : "stopping", "");
            stopping_ = true;
            desk_.close();
            place_->close();
        }
    }

    // What can't be told is given up a while after the last program has ended.
    bool done() {
        if (const std::string refused = desk_.refused(); !refused.empty())
            throw std::runtime_error(refused);
        if (!stopping_ || !place_->empty())
            return false;
        if (desk_.idle())
            return true;
        give_up_at_ = std::min(give_up_at_, Clock::now() + kTellFor);
        if (Clock::now() < give_up_at_)
            return false;
        throw std::runtime_error("the database couldn't be told how the last jobs ended");
    }

    const Options &options_;
    const Note &note_;
    const sigset_t blocked_ = our_signals();
    const Launch launch_;
    const Descriptor signals_, news_;
    Desk desk_;
    const std::unique_ptr<Place> place_;
    bool stopping_ = false;
    Clock::time_point end_at_ = Clock::time_point::max();
    Clock::time_point give_up_at_ = Clock::time_point::max();
};

} // namespace

void work(const Options &options, const Note &note) {
    settle();
    Worker worker(options, note);
    raise_descriptor_limit(); // programs get it as it was
    worker.run();
}

} // namespace ayb::work
