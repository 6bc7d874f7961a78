#include "timers/job_timer.hpp"

#include "pg/settings.hpp"

namespace ayb {

namespace {

TimeoutId g_soft;
TimeoutId g_hard;
volatile sig_atomic_t g_struck;
int64 g_limit;

void soft_strike() {
    g_struck = true;
    QueryCancelPending = true;
    InterruptPending = true;
    SetLatch(MyLatch);
}

void hard_strike() {
    ProcDiePending = true;
    InterruptPending = true;
    SetLatch(MyLatch);
}

} // namespace

void install_job_timer() {
    g_soft = RegisterTimeout(USER_TIMEOUT, soft_strike);
    g_hard = RegisterTimeout(USER_TIMEOUT, hard_strike);
}

void start_job_timer(int64 limit_ms) {
    g_struck = false;
    g_limit = limit_ms;
    if (StatementTimeout > 0 && (g_limit == 0 || StatementTimeout < g_limit))
        g_limit = StatementTimeout;
    if (g_limit == 0)
        return;
    g_limit = Min(g_limit, static_cast<int64>(INT_MAX) / 2);
    enable_timeout_after(g_soft, static_cast<int>(g_limit));
    enable_timeout_after(g_hard, static_cast<int>(g_limit) + Max(settings::shutdown_timeout, 100));
}

void stop_job_timer() {
    disable_timeout(g_soft, false);
    disable_timeout(g_hard, false);
}

bool job_timed_out() { return g_struck; }
int64 job_time_limit() { return g_limit; }

} // namespace ayb
