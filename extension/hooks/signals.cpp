#include "hooks/signals.hpp"

#include "pg/postgres.hpp"
#include "memory/slots.hpp"
#include "pg/settings.hpp"
#include "timers/steady_timer.hpp"

namespace ayb {

namespace {

constexpr int kSecondStrikeMs = 1000;

volatile sig_atomic_t g_stop;
volatile sig_atomic_t g_strikes;
timer_t g_timer;

void arm(int milliseconds) {
    itimerspec spec{};
    spec.it_value.tv_sec = milliseconds / 1000;
    spec.it_value.tv_nsec = (milliseconds % 1000) * 1000000L;
    timer_settime(g_timer, 0, &spec, nullptr);
}

// The first strike cancels what runs; a handler that traps that is ended by the second. Then the
// scheduler puts the job back.
void strike(int /*signal*/) {
    const int saved = errno;
    if (WorkerSlot *slot = my_slot())
        slot->put_back = true;
    if (g_strikes++ == 0) {
        QueryCancelPending = true;
        InterruptPending = true;
        SetLatch(MyLatch);
        arm(kSecondStrikeMs);
    } else {
        die(SIGTERM);
    }
    errno = saved;
}

void on_terminate(int signal, siginfo_t *info, void * /*context*/) {
    const int saved = errno;
    const WorkerSlot *slot = my_slot();
    const bool ours = info->si_pid == PostmasterPid || (slot != nullptr && slot->stop_wanted);
    if (!ours) {
        die(signal);
    } else if (!g_stop) {
        g_stop = true;
        SetLatch(MyLatch);
        if (settings::shutdown_timeout == 0)
            strike(signal);
        else
            arm(settings::shutdown_timeout);
    }
    errno = saved;
}

} // namespace

void handle_sigterm(void (*handler)(int, siginfo_t *, void *)) {
    struct sigaction action {};
    action.sa_sigaction = handler;
    action.sa_flags = SA_SIGINFO | SA_RESTART;
    sigemptyset(&action.sa_mask);
    sigaddset(&action.sa_mask, SIGUSR2); // the strikes of install_worker_signals()
    sigaction(SIGTERM, &action, nullptr);
}

void install_worker_signals() {
    g_timer = make_steady_timer(SIGUSR2);
    pqsignal(SIGUSR2, strike);

    handle_sigterm(on_terminate);
    pqsignal(SIGHUP, SignalHandlerForConfigReload);
}

bool stop_requested() { return g_stop; }
bool stop_struck() { return g_strikes > 0; }

void hold_cancels() { QueryCancelHoldoffCount = 1; }
void release_cancels() { QueryCancelHoldoffCount = 0; }

} // namespace ayb
