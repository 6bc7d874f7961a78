#include "base/arguments.hpp"
#include "base/columns.hpp"
#include "group/jobs.hpp"
#include "handlers/bond.hpp"
#include "jobs/expiry.hpp"
#include "jobs/line.hpp"
#include "jobs/taking.hpp"
#include "memory/configuration.hpp"
#include "pg/clock.hpp"
#include "turns/places.hpp"

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
    type->way = way_of(type->handler, group->role);
    type->ordered = is_ordered(name);
    type->subtransactions = type->way.record.subtransactions;
    type->kept = settings::retention > 0 && keeps_history(name);
    type->next = group->types;
    return group->types = type;
}

GroupType *type_named(Group *group, const char *name) {
    for (GroupType *type = group->types; type != nullptr; type = type->next)
        if (strcmp(type->handler.type, name) == 0)
            return type;
    return add_type(group, name);
}

int int_of(TupleTableSlot *row, int column) {
    bool null;
    return DatumGetInt32(slot_getattr(row, column, &null));
}

// A first attempt of a type that goes grouped. Whatever failed once goes by lease, and so does what
// nothing carries any more or is beyond its deadline, which is dealt with there.
bool fits(const Group &group, const GroupType &type, TupleTableSlot *row) {
    return type.way.grouped && int_of(row, kAttempts) == 0 &&
           may_be_run(row, type.handler.type, group.role);
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
    job.bond = bond_of(row);
    job.key = key_of_row(row);
    job.order = static_cast<uint64>(type->ordered) * job.key;
    job.keyed = !slot_attisnull(row, kIdempotencyKey);
    job.verdict = GroupVerdict::waiting;
    room->jobs--;
    room->microseconds -= type->way.record.handler_average;
    room->subtransactions -= type->subtransactions;
    room->bytes -= Min(room->bytes, VARSIZE(DatumGetPointer(job.payload)));
}

// Of what is locked. Where the type has a limit there is one place for all its jobs, another one
// for those of a key, and a start for each. A row that got none stays locked until the group ends.
void take(Group *group, GroupType *type, Line *line, Room *room) {
    TupleTableSlot *row = line->here->rows.row;
    if (reserve_in_line(line, true) == Lack::nothing)
        add_job(group, type, row, room);
    else
        group->refused++;
}

// Looks at one row. Where it doesn't fit it is passed over.
void look_at(Group *group, Line *line, Room *room) {
    TupleTableSlot *row = line->here->rows.row;
    GroupType *type = type_named(group, line->here->pick->type);
    if (!fits(*group, *type, row)) {
        group->if_taken = GroupTurn::ran_and_leased_due;
        room->passed--;
    } else if (lock_in_line(line)) {
        take(group, type, line, room);
    }
}

// Of the picked lanes, those whose type goes grouped: the others aren't read.
Picks grouped_lanes(Group *group, const Picks &picks) {
    Picks grouped{
        static_cast<LanePick *>(MemoryContextAlloc(group->memory, picks.count * sizeof(LanePick))),
        0, false, false, 0};
    for (int i = 0; i < picks.count; i++)
        if (type_named(group, picks.lanes[i].type)->way.grouped)
            grouped.lanes[grouped.count++] = picks.lanes[i];
    return grouped;
}

} // namespace

void take_jobs(Group *group, const Picks &picks) {
    group->configuration = configuration_generation();
    group->code = code_generation();
    group->jobs = static_cast<GroupedJob *>(
        MemoryContextAlloc(group->memory, settings::group_size * sizeof(GroupedJob)));
    const Picks grouped = grouped_lanes(group, picks);
    group->if_taken = grouped.count < picks.count ? GroupTurn::ran_and_leased_due : GroupTurn::ran;
    Room room = empty_room();
    Line line = open_line(grouped, clock_now(), true);
    while (!is_full(room) && next_in_line(&line))
        look_at(group, &line, &room);
    if (group->count > 0)
        group->turn = group->if_taken;
    close_line(&line);
}

} // namespace ayb
