#include "outside/waits.hpp"

#include "handlers/judge.hpp"
#include "memory/due_floor.hpp"
#include "outside/look.hpp"
#include "pg/clock.hpp"
#include "pg/transaction.hpp"

namespace ayb {

namespace {

// Others of the type needn't wait for a role that has nothing.
void pass_turn(const LanePick &lane) {
    Opened opened{};
    if (lane.limit != nullptr)
        note_wish(lane.limit, lane.role, false, Asker::outside, &opened);
    tell_asked(opened);
}

// Returns when the lane is to be looked at again.
TimestampTz wake_for_lane(const LanePick &lane, TimestampTz now) {
    const uint64 type = hash_of_type(lane.type);
    const int most = count_waiters(lane.role, type, kMostWaiters);
    if (most == 0 || server_of(lane.type, lane.role) != Server::outside)
        return DT_NOEND;
    const TimestampTz due =
        Max(Max(lane.mark.at.run_at, opens_at(lane.limit, lane.role)), ring_due(lane.ring));
    if (due > now)
        return due;
    const ToHandOut found = to_hand_out(lane, now, most);
    if (!found.any)
        pass_turn(lane);
    wake_waiters(lane.role, type, found.jobs);
    return found.any ? Min(found.next, later(now, kWakeAgain)) : found.next;
}

TimestampTz wake_for_lanes(TimestampTz now) {
    TimestampTz next = DT_NOEND;
    if (all_paused())
        return next; // whoever ends that has all looked at
    int count;
    const LanePick *lanes = copy_lanes(MyDatabaseId, &count);
    PushActiveSnapshot(GetTransactionSnapshot()); // younger than the lanes
    for (int i = 0; i < count; i++)
        if (lanes[i].mark.at < kEnd)
            next = Min(next, wake_for_lane(lanes[i], now));
    PopActiveSnapshot();
    return next;
}

} // namespace

TimestampTz wake_for_due(Database *database, TimestampTz now) {
    const TimeMark mark = mark_due(database, database->waits);
    const TimestampTz next = any_waiters(MyDatabaseId)
                                 ? in_transaction([now] { return wake_for_lanes(now); })
                                 : DT_NOEND;
    return raise_due(database, &database->waits, mark, next);
}

void look_for_waiters(Database *database) { lower_due(database, &database->waits, DT_NOBEGIN); }

} // namespace ayb
