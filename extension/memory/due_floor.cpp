#include "memory/due_floor.hpp"

namespace ayb {

void lower_due(Database *database, TimeFloor *floor, TimestampTz next) {
    SpinLockAcquire(&database->mutex);
    const bool sooner = next < floor->at;
    lower_floor(floor, next);
    const bool wake = sooner && next < database->sleeping_until;
    SpinLockRelease(&database->mutex);
    if (wake && database->scheduler_pid != MyProcPid)
        wake_scheduler(database);
}

TimeMark mark_due(Database *database, const TimeFloor &floor) {
    SpinLockAcquire(&database->mutex);
    const TimeMark mark = mark_floor(floor);
    SpinLockRelease(&database->mutex);
    return mark;
}

TimestampTz raise_due(Database *database, TimeFloor *floor, const TimeMark &mark,
                      TimestampTz next) {
    SpinLockAcquire(&database->mutex);
    raise_floor(floor, mark, next, DT_NOEND);
    const TimestampTz due = floor->at;
    SpinLockRelease(&database->mutex);
    return due;
}

} // namespace ayb
