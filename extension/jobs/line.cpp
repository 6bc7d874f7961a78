#include "jobs/line.hpp"

#include "base/arguments.hpp"
#include "handlers/bond.hpp"
#include "jobs/expiry.hpp"
#include "jobs/taking.hpp"
#include "pg/books.hpp"

namespace ayb {

namespace {

constexpr int kMostLeft = 1000; // of one transaction

[[noreturn]] void report_unusable() {
    ereport(ERROR, (errcode(ERRCODE_OBJECT_NOT_IN_PREREQUISITE_STATE),
                    errmsg("the indexes of ayb_jobs.job_queue can't be used to claim jobs"),
                    errhint("The check claim_indexes of ayb_jobs.health() says what mends them.")));
    pg_unreachable();
}

void step(const Line &line, LineLane *lane) {
    if (lane->pick->turns != nullptr
            ? next_key_row(&lane->keys, &lane->rows, line.until, &lane->at)
            : next_lane_row(&lane->rows, *lane->pick, line.until, &lane->at)) {
        lane->turn = turn_of(lane->pick->priority, lane->at);
        return;
    }
    close_range(&lane->rows);
    lane->open = false;
}

// Opens the next lane. What it says of its floor is passed on.
void open_next(Line *line) {
    LineLane *lane = &line->lanes[line->opened++];
    if (opens_at(lane->pick->limit, lane->pick->role) > line->until)
        return;
    if (!open_lane_rows(&lane->rows, *lane->pick, line->until))
        report_unusable();
    lane->open = true;
    if (lane->pick->turns != nullptr)
        lane->keys = open_key_rows(*lane->pick, &lane->rows, line->raise);
    step(*line, lane);
    lane->any = lane->open;
    if (!line->raise || lane->pick->turns != nullptr)
        return;
    if (!lane->any)
        look_for_first(*lane->pick);
    else if (lane->pick->priority != kKeyed)
        raise_lane_floor(lane->pick->key(), lane->pick->mark, lane->at);
}

// Remembers the row that is locked.
void leave(Line *line, LeftRows *rows) {
    if (rows->ids == nullptr)
        rows->ids = static_cast<Datum *>(palloc(kMostLeft * sizeof(Datum)));
    rows->ids[rows->count++] = uuid_datum(line->here->at.id);
}

LineLane *first_open(const Line &line) {
    LineLane *first = nullptr;
    for (LineLane *lane = line.lanes; lane < line.lanes + line.opened; lane++)
        if (lane->open && (first == nullptr || lane->turn < first->turn))
            first = lane;
    return first;
}

// Of a lane that wasn't opened nobody has looked at any.
void give_back(const Line &line, int number) {
    const LineLane &lane = line.lanes[number];
    if (lane.pick->turns == nullptr)
        return;
    if (lane.keys.lane != nullptr)
        settle_turns(lane.keys);
    else
        give_back_all_turns(*lane.pick);
}

Position turn_of_floor(const LanePick &pick) { return turn_of(pick.priority, pick.mark.at); }

bool comes_before(const Line &line, const LineLane *first) {
    return line.opened < line.count &&
           (first == nullptr || turn_of_floor(*line.lanes[line.opened].pick) < first->turn);
}

void skip_lane(Line *line) {
    close_range(&line->here->rows);
    line->here->open = false;
    line->here->any = false; // what is left waits for no lock
    line->here = nullptr;
}

// Whether the line goes on with the lane, or the key.
void settle_lack(Line *line, Lack lack) {
    const bool has_turns = line->here->pick->turns != nullptr;
    if (has_turns && lack == Lack::nothing)
        note_taken(&line->here->keys, line->here->at.id);
    else if (has_turns)
        skip_key(&line->here->keys, lack == Lack::type);
    if (lack == Lack::type)
        skip_lane(line);
}

} // namespace

Line open_line(const Picks &picks, TimestampTz until, bool raise) {
    Line line{};
    line.lanes = static_cast<LineLane *>(palloc0((picks.count + 1) * sizeof(LineLane)));
    line.count = picks.count;
    line.until = until;
    line.raise = raise;
    for (int i = 0; i < picks.count; i++)
        line.lanes[i].pick = &picks.lanes[i];
    return line;
}

bool next_in_line(Line *line) {
    if (line->distrusted.count == kMostLeft || line->expired.count == kMostLeft)
        return false;
    if (line->here != nullptr)
        step(*line, line->here);
    line->here = first_open(*line);
    while (comes_before(*line, line->here)) {
        open_next(line);
        line->here = first_open(*line);
    }
    return line->here != nullptr;
}

Lack reserve_in_line(Line *line, bool in_group) {
    const LineLane &here = *line->here;
    const KeyRows *keys = here.pick->turns != nullptr ? &here.keys : nullptr;
    const Lack lack =
        reserve_next_run({here.pick->role, here.pick->type, here.rows.row, in_group, keys});
    settle_lack(line, lack);
    return lack;
}

bool take_in_line(Line *line) {
    if (!lock_in_line(line))
        return false;
    const LanePick &lane = *line->here->pick;
    if (!is_carried(line->here->rows.row, lane.type, lane.role)) {
        leave(line, &line->distrusted);
        return false;
    }
    if (is_expired(line->here->rows.row, line->until)) {
        leave(line, &line->expired);
        return false;
    }
    return reserve_in_line(line, false) == Lack::nothing;
}

bool settle_left(const Line &line) {
    if (line.distrusted.count > 0)
        let_wait_for_trust(line.distrusted.ids, line.distrusted.count);
    if (line.expired.count > 0)
        cancel_expired(line.expired.ids, line.expired.count, line.until);
    return line.distrusted.count > 0 || line.expired.count > 0;
}

void hold_line(const Line &line, TimestampTz again) {
    const Position later_on{line.until + 1, {}};
    in_books([&] {
        for (const LineLane *lane = line.lanes; lane < line.lanes + line.opened; lane++) {
            if (!lane->any || lane->pick->turns != nullptr)
                continue;
            const Position next = first_queued(*lane->pick, later_on);
            hold_locked_lane(lane->pick->key(), lane->pick->mark, Min(next.run_at, again));
        }
    });
    for (const LineLane *lane = line.lanes; lane < line.lanes + line.opened; lane++)
        if (lane->any && lane->pick->turns != nullptr)
            hold_keys(lane->keys, again);
}

void close_line(Line *line) {
    for (LineLane *lane = line->lanes; lane < line->lanes + line->opened; lane++)
        if (lane->open)
            close_range(&lane->rows);
    for (int i = 0; i < line->count; i++)
        give_back(*line, i);
}

} // namespace ayb
