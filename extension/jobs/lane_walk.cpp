#include "jobs/lane_walk.hpp"

#include "base/columns.hpp"
#include "jobs/lane_rows.hpp"

namespace ayb {

namespace {

int in_order(const void *one, const void *other) {
    const LanePlace a = *static_cast<const LanePlace *>(one);
    const LanePlace b = *static_cast<const LanePlace *>(other);
    return a < b ? -1 : static_cast<int>(b < a);
}

// The first row behind where the walk is, of a lane before `end` or, for `last`, at most there.
bool probe(LaneWalk *walk, LanePlace end, bool last) {
    unbound_range(&walk->rows);
    bound_range(&walk->rows, 1, BTGreaterStrategyNumber, F_INT8GT, Int64GetDatum(walk->after));
    bound_range(&walk->rows, 1, last ? BTLessEqualStrategyNumber : BTLessStrategyNumber,
                last ? F_INT8LE : F_INT8LT, Int64GetDatum(end));
    begin_range(&walk->rows);
    return next_in_range(&walk->rows);
}

// All of it at once: the compiler minds a member that is left out.
void read_lane(LaneWalk *walk, LanePick *found) {
    TupleTableSlot *row = walk->rows.row;
    bool null;
    const Oid role = DatumGetObjectId(slot_getattr(row, kRunAs, &null));
    const int priority = walk->keyed ? kKeyed : DatumGetInt16(slot_getattr(row, kPriority, &null));
    *found = LanePick{role, {}, priority, {position_of(walk->rows), 0}, nullptr, nullptr, nullptr};
    text_to_cstring_buffer(DatumGetTextPP(slot_getattr(row, kType, &null)), found->type,
                           kTypeBytes);
    walk->here = DatumGetInt64(slot_getattr(row, kLane, &null));
}

// Whether the walk has still to come by a known lane.
bool is_ahead(const LaneWalk &walk, LanePlace lane) {
    return is_keyed(lane) == walk.keyed && walk.after < lane && lane <= walk.end;
}

} // namespace

Known known_lanes() {
    int count;
    const LanePick *lanes = copy_lanes(MyDatabaseId, &count);
    auto *places = static_cast<LanePlace *>(palloc((count + 1) * sizeof(LanePlace)));
    for (int i = 0; i < count; i++)
        places[i] = place_of(lanes[i]);
    qsort(places, count, sizeof(LanePlace), in_order);
    return {places, count};
}

bool begin_walk(LaneWalk *walk, const Known &known, Oid role, const char *type, bool keyed) {
    const Past within = type != nullptr ? Past::type : OidIsValid(role) ? Past::role : Past::all;
    const LanePlace place = lane_place(role, type != nullptr ? type : "", 0);
    walk->known = known;
    walk->gap = 0;
    walk->keyed = keyed;
    walk->found = false;
    walk->after = before(place, within);
    walk->end = after(place, within);
    return open_range(&walk->rows, "job_queue",
                      keyed ? "job_queue_key_idx" : "job_queue_claim_idx");
}

bool next_lane(LaneWalk *walk, Past past, LanePick *found) {
    if (walk->found)
        walk->after = after(walk->here, past);
    for (; walk->gap <= walk->known.count; walk->gap++) {
        const bool last = walk->gap == walk->known.count;
        const LanePlace next = last ? walk->end : walk->known.places[walk->gap];
        if (!last && !is_ahead(*walk, next))
            continue;
        walk->found = probe(walk, next, last);
        if (walk->found) {
            read_lane(walk, found);
            return true;
        }
        walk->after = next;
    }
    return false;
}

void end_walk(LaneWalk *walk) { close_range(&walk->rows); }

} // namespace ayb
