#include "timers/statement_timer.hpp"

#include "timers/job_timer.hpp"

namespace ayb {

namespace {

bool g_registered;
TimeoutId g_timer;
volatile sig_atomic_t g_struck;

void strike() {
    g_struck = true;
    QueryCancelPending = true;
    InterruptPending = true;
    SetLatch(MyLatch);
}

} // namespace

void start_statement_timer(int milliseconds) {
    if (!g_registered) {
        g_timer = RegisterTimeout(USER_TIMEOUT, strike);
        g_registered = true;
    }
    g_struck = false;
    if (milliseconds > 0)
        enable_timeout_after(g_timer, milliseconds);
}

bool stop_statement_timer() {
    if (g_registered)
        disable_timeout(g_timer, false);
    if (g_struck && !job_timed_out())
        QueryCancelPending = false;
    return g_struck;
}

} // namespace ayb
