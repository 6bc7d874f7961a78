#include "turns/role_line.hpp"

#include "memory/slots.hpp"
#include "pg/clock.hpp"
#include "pg/settings.hpp"

namespace ayb {

namespace {

constexpr int64 kLongJob = 50 * kMicrosecondsPerMillisecond; // too long to wait for

// What is published: beside the role, and in place of the count.
constexpr uint64 kMayStart = UINT64CONST(1) << 32;
constexpr uint64 kLapsed = UINT64CONST(1) << 33;
constexpr uint32 kUnkept = PG_UINT32_MAX;

// What those have a right to that come before one who has been served as often.
struct Ahead {
    int count;
    uint64 served;

    void add(const RoleTurn &turn) {
        count++;
        served += turn.served;
    }
    uint64 of(const RoleTurn &turn) const {
        return static_cast<uint64>(count) * (turn.served + 1) - served;
    }
};

TimestampTz lapse_of(const RoleTurn &turn) {
    return later(turn.since, settings::poll_interval * kMicrosecondsPerMillisecond);
}

bool has_lapsed(const RoleTurn &turn, TimestampTz now) {
    return turn.lapsed || (turn.since != 0 && lapse_of(turn) <= now);
}

// Whether somebody can take a job of the role soon.
bool is_attended(Oid database, const RoleTurn &turn, TimestampTz now) {
    if (turn.outside)
        return true;
    bool attended = false;
    each_slot_of(database, turn.role, [&](const WorkerSlot &slot) {
        attended = attended || (slot.serves(database) && !slot.leave &&
                                (!slot.has_job || now - slot.job_since < kLongJob));
    });
    return attended;
}

// Whether the others wait for it.
bool is_waited_for(const RoleLine &line, Oid database, const RoleTurn &turn, TimestampTz now) {
    return line.count > 1 && !has_lapsed(turn, now) && is_attended(database, turn, now);
}

int place_of(const RoleLine &line, Oid role) {
    for (int i = 0; i < line.count; i++)
        if (line.roles[i].role == role)
            return i;
    return -1;
}

void note_turn(RoleTurn *turn, bool may_start, TimestampTz now, TimestampTz at) {
    turn->lapsed = has_lapsed(*turn, now);
    if (!may_start)
        turn->since = 0;
    else if (turn->since == 0)
        turn->since = Max(now, at);
}

uint64 turn_of_role(const RoleTurn &turn, bool may_start) {
    return turn.role | (may_start ? kMayStart : 0) | (turn.lapsed ? kLapsed : 0);
}

// 0 where it isn't there.
uint64 published_turn(const RoleLine &line, Oid role, uint32 count) {
    for (uint32 i = 0; i < Min(count, static_cast<uint32>(kMostInLine)); i++) {
        const uint64 turn = pg_atomic_read_u64(const_cast<pg_atomic_uint64 *>(&line.turns[i]));
        if (static_cast<Oid>(turn) == role)
            return turn;
    }
    return 0;
}

uint32 published_count(const RoleLine &line) {
    return pg_atomic_read_u32(const_cast<pg_atomic_uint32 *>(&line.published));
}

// What it had while it was alone.
void count_alone(RoleLine *line) {
    if (pg_atomic_read_u32(&line->alone) == 0)
        return;
    const uint32 jobs = pg_atomic_exchange_u32(&line->alone, 0);
    if (line->count != 1)
        return;
    RoleTurn &turn = line->roles[0];
    turn.served += jobs;
    turn.since = 0;
    turn.lapsed = false;
}

} // namespace

void Opened::add(Oid role) {
    jobs = Max(jobs, 1);
    for (int i = 0; i < count; i++)
        if (roles[i] == role)
            return;
    if (count < kMostTold)
        roles[count++] = role;
    else
        more = true;
}

void serve_alone(RoleLine *line) { pg_atomic_fetch_add_u32(&line->alone, 1); }

void open_role_line(RoleLine *line) {
    pg_atomic_init_u32(&line->alone, 0);
    pg_atomic_init_u32(&line->published, 0);
    for (auto &turn : line->turns)
        pg_atomic_init_u64(&turn, 0);
    pg_atomic_init_u32(&line->others, 0);
    pg_atomic_init_u64(&line->lapses_at, static_cast<uint64>(DT_NOEND));
}

RoleTurn *join_line(RoleLine *line, Oid role, Asker asker) {
    count_alone(line);
    int place = place_of(*line, role);
    if (place < 0 && line->count == kMostInLine) {
        line->more = true;
        return nullptr;
    }
    if (place < 0) {
        const uint64 served = line->count > 0 ? line->roles[0].served : 0;
        for (place = line->count++; place > 0 && line->roles[place - 1].served > served; place--)
            line->roles[place] = line->roles[place - 1];
        line->roles[place] = RoleTurn{role, false, asker == Asker::outside, false, served, 0};
    }
    RoleTurn *turn = &line->roles[place];
    if (asker != Asker::passing) {
        turn->outside = asker == Asker::outside;
        turn->since = turn->lapsed ? 0 : turn->since;
        turn->lapsed = false;
    }
    return turn;
}

void quit_line(RoleLine *line, Oid role) {
    count_alone(line);
    const int place = place_of(*line, role);
    if (place < 0)
        return;
    line->count--;
    memmove(&line->roles[place], &line->roles[place + 1], (line->count - place) * sizeof(RoleTurn));
}

bool has_turn(const RoleLine &line, Oid database, const RoleTurn *mine, int free, TimestampTz now) {
    if (!line.is_kept)
        return true;
    Ahead ahead{};
    for (const RoleTurn *turn = line.roles; turn < line.roles + line.count && turn != mine; turn++)
        if (is_waited_for(line, database, *turn, now))
            ahead.add(*turn);
    return free > 0 && (mine != nullptr ? ahead.of(*mine) : static_cast<uint64>(ahead.count)) <
                           static_cast<uint64>(free);
}

void serve_in_line(RoleLine *line, Oid role) {
    count_alone(line);
    int place = place_of(*line, role);
    if (place < 0)
        return;
    if (line->more) { // the next one that looks has room
        quit_line(line, role);
        return;
    }
    RoleTurn mine = line->roles[place];
    mine.served++;
    mine.since = 0;
    mine.lapsed = false;
    for (; place + 1 < line->count && line->roles[place + 1].served <= mine.served; place++)
        line->roles[place] = line->roles[place + 1];
    line->roles[place] = mine;
}

void take_back_in_line(RoleLine *line, Oid role, int jobs) {
    count_alone(line);
    int place = place_of(*line, role);
    if (place < 0)
        return;
    RoleTurn mine = line->roles[place];
    mine.served -= Min(mine.served, static_cast<uint64>(jobs));
    for (; place > 0 && line->roles[place - 1].served > mine.served; place--)
        line->roles[place] = line->roles[place - 1];
    line->roles[place] = mine;
}

int roles_in_line(const RoleLine &line) {
    const uint32 count = published_count(line);
    return count == kUnkept ? 0 : static_cast<int>(count);
}

void publish_line(RoleLine *line, Oid database, int free, TimestampTz now, TimestampTz at,
                  Opened *opened) {
    Ahead ahead{};
    TimestampTz lapses_at = DT_NOEND;
    for (int i = 0; i < line->count; i++) {
        RoleTurn &turn = line->roles[i];
        const bool may_start = ahead.of(turn) < static_cast<uint64>(free);
        note_turn(&turn, may_start, now, at);
        if (is_waited_for(*line, database, turn, now)) {
            ahead.add(turn);
            lapses_at = may_start ? Min(lapses_at, lapse_of(turn)) : lapses_at;
        }
        pg_atomic_write_u64(&line->turns[i], turn_of_role(turn, may_start));
        if (may_start && turn.asks)
            opened->add(turn.role);
        turn.asks = turn.asks && !may_start;
    }
    const bool others = ahead.count < free;
    line->count = line->is_kept || free == 0 ? line->count : 0;
    opened->more = opened->more || (others && line->more);
    line->more = line->more && !others;
    pg_atomic_write_u32(&line->others, static_cast<uint32>(others));
    pg_atomic_write_u64(&line->lapses_at, static_cast<uint64>(lapses_at));
    pg_atomic_write_u32(&line->published, line->is_kept ? line->count : kUnkept);
}

TimestampTz turn_comes_at(const RoleLine &line, Oid role) {
    const uint32 count = published_count(line);
    if (count == kUnkept)
        return DT_NOBEGIN;
    const uint64 turn = published_turn(line, role, count);
    const bool may_start =
        turn != 0 ? (turn & kMayStart) != 0
                  : pg_atomic_read_u32(const_cast<pg_atomic_uint32 *>(&line.others)) != 0;
    if (may_start)
        return DT_NOBEGIN;
    return static_cast<TimestampTz>(
        pg_atomic_read_u64(const_cast<pg_atomic_uint64 *>(&line.lapses_at)));
}

InLine is_in_line(const RoleLine &line, Oid role) {
    const uint32 count = published_count(line);
    if (count == kUnkept)
        return InLine::unkept;
    const uint64 turn = published_turn(line, role, count);
    if (turn == 0)
        return InLine::no;
    return (turn & kLapsed) != 0 ? InLine::lapsed : InLine::yes;
}

} // namespace ayb
