#include "lease/limits.hpp"

#include "base/arguments.hpp"
#include "base/columns.hpp"
#include "handlers/handlers.hpp"
#include "jobs/taking.hpp"
#include "lanes/lanes.hpp"
#include "memory/configuration.hpp"
#include "memory/databases.hpp"
#include "memory/slots.hpp"
#include "pg/clock.hpp"
#include "pg/raw_range.hpp"
#include "pg/transaction.hpp"
#include "turns/counting.hpp"
#include "turns/key_uses.hpp"
#include "turns/places.hpp"

namespace ayb {

namespace {

constexpr int64 kWhileClaimed = 2 * kMicrosecondsPerMillisecond;
constexpr int64 kWhileHeld = 20 * kMicrosecondsPerMillisecond; // by who may be open for long
constexpr int64 kWhileFull = kMicrosecondsPerSecond;

// Which turn a worker was in, by slot; 0 where it wasn't claiming.
struct Fence {
    uint64 *turns;
    uint64 generation; // of the configuration by which it was put up; 0 for none
};
Fence g_fence;

struct Entering {
    LimitKey *known;
    int count;
    Opened opened;
};

void enter(const char *type, const LimitRule &rule, void *context) {
    auto *entering = static_cast<Entering *>(context);
    const LimitKey key = limit_key(type);
    enter_limit(key, rule, refresh_uses, &entering->opened);
    for (int i = 0; i < entering->count; i++)
        if (entering->known[i].type == key.type)
            entering->known[i].type = 0;
}

// It looks for a job, or is at a group: what it takes may not have a place yet.
bool is_claiming(const WorkerSlot &slot) {
    return slot.serves(MyDatabaseId) && slot.in_turn && (!slot.has_job || slot.in_group);
}

void put_up_fence() {
    if (g_fence.turns == nullptr)
        g_fence.turns = static_cast<uint64 *>(
            MemoryContextAllocZero(TopMemoryContext, slot_count() * sizeof(uint64)));
    each_slot([](const WorkerSlot &slot) {
        g_fence.turns[slot.index] = is_claiming(slot) ? slot.turn : 0;
    });
}

bool fence_is_passed() {
    bool passed = true;
    each_slot([&](const WorkerSlot &slot) {
        if (g_fence.turns[slot.index] == slot.turn && is_claiming(slot))
            passed = false;
    });
    return passed;
}

// Whoever begins a turn after the limit was set finds it.
bool all_have_claimed() {
    const uint64 generation = configuration_generation();
    if (g_fence.generation != generation) {
        put_up_fence();
        g_fence.generation = generation;
    }
    return fence_is_passed();
}

// The jobs that run, of all types: their index has no other rows.
struct Running {
    RunningRow *rows;
    int count;
    int room;

    void add(TupleTableSlot *row) {
        bool null;
        if (count == room) {
            room *= 2;
            rows = static_cast<RunningRow *>(repalloc_huge(rows, room * sizeof(RunningRow)));
        }
        rows[count++] = {uuid_value(slot_getattr(row, kId, &null)),
                         DatumGetInt32(slot_getattr(row, kRuns, &null)), key_of_row(row)};
    }
};

Running running_of(const LimitKey &key) {
    Running running{static_cast<RunningRow *>(palloc(64 * sizeof(RunningRow))), 0, 64};
    RawRange rows;
    if (!open_range(&rows, "job_queue", "job_queue_lease_idx"))
        ereport(ERROR, (errcode(ERRCODE_OBJECT_NOT_IN_PREREQUISITE_STATE),
                        errmsg("the index job_queue_lease_idx can't be used to count running jobs"),
                        errhint("REINDEX INDEX ayb_jobs.job_queue_lease_idx;")));
    begin_range(&rows);
    while (next_in_range(&rows)) {
        bool null;
        const char *type = TextDatumGetCString(slot_getattr(rows.row, kType, &null));
        if (hash_of_type(type) == key.type)
            running.add(rows.row);
    }
    close_range(&rows);
    return running;
}

bool count(const LimitKey &key, Opened *opened) {
    const uint64 mark = mark_limit(key);
    return in_transaction([&] { // its snapshot is younger
        const Running running = running_of(key);
        return count_limit(key, mark, running.rows, running.count, opened);
    });
}

} // namespace

void enter_limits() {
    Entering entering{};
    in_transaction([&] {
        const uint64 generation = handlers_generation();
        entering.known = limits_of(MyDatabaseId, &entering.count);
        each_rule(enter, &entering);
        for (int i = 0; i < entering.count; i++)
            if (entering.known[i].type != 0)
                remove_limit(entering.known[i], generation, &entering.opened);
    });
    tell_opened(entering.opened);
}

TimestampTz count_limits(TimestampTz now) {
    if (!any_limits())
        return DT_NOEND;
    MemoryContext memory =
        AllocSetContextCreate(CurrentMemoryContext, "ayb_jobs limits", ALLOCSET_SMALL_SIZES);
    MemoryContext before = MemoryContextSwitchTo(memory);
    int all;
    const LimitKey *keys = limits_of(MyDatabaseId, &all);
    Opened opened{};
    LimitUse state{};
    TimestampTz next = DT_NOEND;
    for (int i = 0; i < all; i++) {
        if (!state_of_limit(keys[i], &state) || state.counted)
            continue;
        const bool claimed = all_have_claimed();
        const bool held = claimed && !in_transaction([&] { return may_count(keys[i]); });
        if (!claimed || held || !count(keys[i], &opened))
            next = Min(next, now + (state.full ? kWhileFull : held ? kWhileHeld : kWhileClaimed));
    }
    MemoryContextSwitchTo(before);
    MemoryContextDelete(memory);
    tell_opened(opened);
    return next;
}

} // namespace ayb
