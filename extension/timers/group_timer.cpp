#include "timers/group_timer.hpp"

#include "pg/clock.hpp"

#include <ctime>

namespace ayb {

namespace {

constexpr int kLongest = 20; // limits by the clock, whatever the processor gave

TimeoutId g_timer;
volatile sig_atomic_t g_struck;
TimestampTz g_start;
TimestampTz g_struck_at;
int64 g_limit;     // microseconds
int64 g_processor; // used by the start

int64 processor_time() {
    timespec used;
    clock_gettime(CLOCK_PROCESS_CPUTIME_ID, &used);
    return used.tv_sec * kMicrosecondsPerSecond + used.tv_nsec / 1000;
}

// For what others decide: a lock, the clock, a message. Not for the disk or for a moment in shared
// memory, which are the machine's.
bool is_waiting() {
    const uint32 kind = MyProc->wait_event_info & 0xFF000000;
    return kind != 0 && kind != PG_WAIT_LWLOCK && kind != PG_WAIT_IO;
}

// It is the machine that is slow, not the job.
bool is_starved(TimestampTz now) {
    return !is_waiting() && processor_time() - g_processor < g_limit &&
           now - g_start < kLongest * g_limit;
}

// Safe in a signal handler; called every limit again, also while a process ends inside a group:
// then it has no place in shared memory any more.
void look() {
    if (MyProc == nullptr)
        return;
    const TimestampTz now = GetCurrentTimestamp();
    if (g_struck) {
        if (now - g_struck_at < kLongest * g_limit)
            return;
        ProcDiePending = true;
    } else {
        if (is_starved(now))
            return;
        g_struck = true;
        g_struck_at = now;
        QueryCancelPending = true;
    }
    InterruptPending = true;
    SetLatch(MyLatch);
}

} // namespace

void install_group_timer() { g_timer = RegisterTimeout(USER_TIMEOUT, look); }

void start_group_timer(int limit_ms) {
    g_struck = false;
    g_limit = limit_ms * kMicrosecondsPerMillisecond;
    g_start = GetCurrentTimestamp();
    g_processor = processor_time();
    enable_timeout_repeatedly(g_timer, limit_ms);
}

void stop_group_timer() { disable_timeout(g_timer, false); }

bool group_timed_out() { return g_struck; }

} // namespace ayb
