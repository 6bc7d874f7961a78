#include "base/arguments.hpp"
#include "base/columns.hpp"
#include "group/due_rows.hpp"
#include "group/jobs.hpp"
#include "memory/configuration.hpp"
#include "pg/clock.hpp"

namespace ayb {

namespace {

constexpr int kMostPassed = 1000; // rows that go by lease
constexpr Size kMostBytes = 4 * 1024 * 1024;

// How much more the group may take.
struct Room {
    int jobs;
    double microseconds;
    int subtransactions;
    Size bytes;
    int passed;
};

Room empty_room() {
    Room room;
    room.jobs = settings::group_size;
    room.microseconds = settings::group_budget * kMicrosecondsPerMillisecond / 2.0;
    room.subtransactions = PGPROC_MAX_CACHED_SUBXIDS;
    room.bytes = kMostBytes;
    room.passed = kMostPassed;
    return room;
}

bool is_full(const Room &room) {
    return room.jobs <= 0 || room.microseconds <= 0 || room.subtransactions <= 0 ||
           room.bytes == 0 || room.passed <= 0;
}

GroupType *add_type(Group *group, const char *name) {
    auto *type = static_cast<GroupType *>(MemoryContextAllocZero(group->memory, sizeof(GroupType)));
    if (const Handler *handler = find_handler(name))
        type->handler = *handler;
    else
        type->handler.kind = Kind::external; // it has no way of ours
    strlcpy(type->handler.type, name, kTypeBytes);
    type->paused = is_paused(name);
    type->way = way_of(type->handler, group->role);
    type->subtransactions = type->way.record.subtransactions;
    type->next = group->types;
    return group->types = type;
}

bool is_named(const GroupType &type, const char *name, Size bytes) {
    return strncmp(type.handler.type, name, bytes) == 0 && type.handler.type[bytes] == '\0';
}

GroupType *type_of(Group *group, TupleTableSlot *row) {
    bool null;
    const text *value = DatumGetTextPP(slot_getattr(row, kType, &null));
    const char *name = VARDATA_ANY(value);
    const Size bytes = VARSIZE_ANY_EXHDR(value);
    for (GroupType *type = group->types; type != nullptr; type = type->next)
        if (is_named(*type, name, bytes))
            return type;
    return add_type(group, pnstrdup(name, bytes));
}

int int_of(TupleTableSlot *row, int column) {
    bool null;
    return DatumGetInt32(slot_getattr(row, column, &null));
}

// A first attempt of a type that goes grouped. Whatever failed once goes by lease.
bool fits(const GroupType &type, TupleTableSlot *row) {
    return type.way.grouped && int_of(row, kAttempts) == 0;
}

void add_job(Group *group, GroupType *type, TupleTableSlot *row, Room *room) {
    bool null;
    GroupedJob &job = group->jobs[group->count++];
    job.run = int_of(row, kRuns) + 1; // the last one first: those before it come with it
    job.id = uuid_value(slot_getattr(row, kId, &null));
    job.type = type;
    job.place = row->tts_tid;
    MemoryContext before = MemoryContextSwitchTo(group->memory);
    job.payload = PointerGetDatum(PG_DETOAST_DATUM_COPY(slot_getattr(row, kPayload, &null)));
    MemoryContextSwitchTo(before);
    job.run_at = DatumGetTimestampTz(slot_getattr(row, kRunAt, &null));
    job.ran_before = !slot_attisnull(row, kLastRunAt);
    job.keyed = !slot_attisnull(row, kIdempotencyKey);
    job.verdict = GroupVerdict::waiting;
    room->jobs--;
    room->microseconds -= type->way.record.handler_average;
    room->subtransactions -= type->subtransactions;
    room->bytes -= Min(room->bytes, VARSIZE(DatumGetPointer(job.payload)));
}

// Looks at one row. Where it is paused nobody takes it; where it doesn't fit it is passed over.
void look_at(Group *group, RawRange *rows, Room *room) {
    GroupType *type = type_of(group, rows->row);
    if (type->paused)
        return;
    if (!fits(*type, rows->row)) {
        group->if_taken = GroupTurn::ran_and_leased_due;
        room->passed--;
    } else if (lock_in_range(rows)) {
        add_job(group, type, rows->row, room);
    }
}

} // namespace

void take_jobs(Group *group, const LaneMark &mark) {
    RawRange rows;
    group->configuration = configuration_generation();
    group->jobs = static_cast<GroupedJob *>(
        MemoryContextAlloc(group->memory, settings::group_size * sizeof(GroupedJob)));
    Room room = empty_room();
    group->if_taken = GroupTurn::ran;
    if (!open_due_rows(&rows, group->role, mark.at, clock_now()))
        return; // nobody knows what is due
    group->turn = GroupTurn::nothing_due;
    while (!is_full(room) && next_in_range(&rows)) {
        if (group->turn == GroupTurn::nothing_due)
            raise_lane_floor({MyDatabaseId, group->role}, mark, position_of(rows));
        group->turn = GroupTurn::none;
        look_at(group, &rows, &room);
    }
    if (group->count > 0)
        group->turn = group->if_taken;
    close_range(&rows);
}

} // namespace ayb
