#pragma once
// What the engine takes for now. Tests turn it by ayb_jobs.test_clock_offset; all ask it here.
#include "pg/postgres.hpp"
#include "pg/settings.hpp"

namespace ayb {

inline constexpr int64 kMicrosecondsPerMillisecond = 1000;
inline constexpr int64 kMicrosecondsPerSecond = 1000000;

inline TimestampTz clock_now() {
    return GetCurrentTimestamp() + settings::test_clock_offset * kMicrosecondsPerSecond;
}

// The same for now().
inline TimestampTz transaction_began() {
    return GetCurrentTransactionStartTimestamp() +
           settings::test_clock_offset * kMicrosecondsPerSecond;
}

// The sum, kept within what a timestamp can hold.
inline TimestampTz later(TimestampTz start, int64 microseconds) {
    TimestampTz sum;
    if (TIMESTAMP_NOT_FINITE(start))
        return start;
    if (pg_add_s64_overflow(start, microseconds, &sum) || sum >= END_TIMESTAMP)
        return END_TIMESTAMP - 1;
    return sum;
}

// Milliseconds from `now` until `instant`, rounded up, between 0 and `longest`.
inline long milliseconds_until(TimestampTz instant, TimestampTz now, long longest) {
    if (instant <= now)
        return 0;
    const uint64 wait = static_cast<uint64>(instant) - static_cast<uint64>(now);
    const uint64 rounded = (wait + kMicrosecondsPerMillisecond - 1) / kMicrosecondsPerMillisecond;
    return rounded < static_cast<uint64>(longest) ? static_cast<long>(rounded) : longest;
}

// An interval in milliseconds, a month as 30 days; saturates.
inline int64 interval_milliseconds(const Interval *span) {
    const double days = static_cast<double>(span->month) * 30.0 + span->day;
    const double total = days * 86400000.0 + static_cast<double>(span->time) / 1000.0;
    if (total > 9.0e15)
        return INT64CONST(9000000000000000);
    if (total < -9.0e15)
        return -INT64CONST(9000000000000000);
    return static_cast<int64>(total);
}

} // namespace ayb
