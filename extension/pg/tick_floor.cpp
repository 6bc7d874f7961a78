#include "pg/tick_floor.hpp"

#include "pg/databases.hpp"

namespace ayb {

void lower_ticks(Database *database, TimestampTz next) {
    SpinLockAcquire(&database->mutex);
    database->tick_generation++;
    database->next_tick = Min(database->next_tick, next);
    const bool wake = next < database->sleeping_until;
    SpinLockRelease(&database->mutex);
    if (wake && database->scheduler_pid != MyProcPid)
        wake_scheduler(database);
}

TickMark mark_ticks(Database *database) {
    SpinLockAcquire(&database->mutex);
    const TickMark mark{database->next_tick, database->tick_generation};
    SpinLockRelease(&database->mutex);
    return mark;
}

bool raise_ticks(Database *database, const TickMark &mark, TimestampTz next) {
    SpinLockAcquire(&database->mutex);
    const bool same = database->tick_generation == mark.generation;
    if (same)
        database->next_tick = next;
    SpinLockRelease(&database->mutex);
    return same;
}

} // namespace ayb
