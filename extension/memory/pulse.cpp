#include "memory/pulse.hpp"

#include "pg/clock.hpp"
#include "timers/steady_timer.hpp"

namespace ayb {

namespace {

constexpr int kBeatSeconds = 5;

Pulse *volatile g_pulse;
timer_t g_timer;

uint64 steady_now() {
    timespec now{};
    clock_gettime(CLOCK_MONOTONIC, &now);
    return static_cast<uint64>(now.tv_sec) * kMicrosecondsPerSecond + now.tv_nsec / 1000;
}

TimestampTz instant_of(uint64 steady, uint64 steady_at, TimestampTz now) {
    return steady == 0 ? 0 : now - static_cast<int64>(steady_at - Min(steady, steady_at));
}

// PostgreSQL has no use for the first of the real-time signals.
int pulse_signal() { return SIGRTMIN; }

void on_beat(int /*signal*/) {
    if (g_pulse != nullptr)
        pg_atomic_write_u64(&g_pulse->beat, steady_now());
}

// The place is somebody else's after that.
void stop_pulse(int /*code*/, Datum /*argument*/) {
    g_pulse = nullptr;
    timer_delete(g_timer);
}

} // namespace

void init_pulse(Pulse *pulse) {
    pg_atomic_init_u64(&pulse->beat, 0);
    pg_atomic_init_u64(&pulse->began, 0);
    pg_atomic_init_u64(&pulse->looked, 0);
}

void start_pulse(Pulse *mine) {
    struct sigaction action {};
    action.sa_handler = on_beat;
    action.sa_flags = SA_RESTART;
    sigemptyset(&action.sa_mask);
    sigaction(pulse_signal(), &action, nullptr);

    g_timer = make_steady_timer(pulse_signal());
    init_pulse(mine);
    g_pulse = mine;
    before_shmem_exit(stop_pulse, 0);
    on_beat(0);
    itimerspec spec{};
    spec.it_value.tv_sec = kBeatSeconds;
    spec.it_interval.tv_sec = kBeatSeconds;
    timer_settime(g_timer, 0, &spec, nullptr);
}

void begin_look() { pg_atomic_write_u64(&g_pulse->began, steady_now()); }

void end_look() {
    pg_atomic_write_u64(&g_pulse->looked, steady_now());
    pg_atomic_write_u64(&g_pulse->began, 0);
}

Life life_of(const Pulse &pulse) {
    const uint64 steady = steady_now();
    const TimestampTz now = GetCurrentTimestamp();
    return {instant_of(pulse.beat.value, steady, now), instant_of(pulse.began.value, steady, now),
            instant_of(pulse.looked.value, steady, now)};
}

} // namespace ayb
