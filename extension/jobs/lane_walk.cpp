#include "jobs/lane_walk.hpp"

#include "base/columns.hpp"
#include "jobs/lane_rows.hpp"

namespace ayb {

namespace {

LaneEdge edge_of(const LanePick &lane, Past past) {
    LaneEdge edge{};
    edge.columns = past == Past::role ? 1 : 2;
    if (past == Past::lane && lane.priority != kKeyed)
        edge.columns = 3;
    edge.role = lane.role;
    strlcpy(edge.type, lane.type, kTypeBytes);
    edge.priority = lane.priority;
    return edge;
}

int compare(const LanePick &lane, Oid role, const char *type, int priority, int columns) {
    if (columns == 0)
        return 1;
    if (lane.role != role)
        return lane.role < role ? -1 : 1;
    const int types = columns > 1 ? strcmp(lane.type, type) : 0;
    if (types != 0 || columns < 3)
        return types;
    return lane.priority - priority;
}

int in_order(const void *one, const void *other) {
    const auto *a = static_cast<const LanePick *>(one);
    const auto *b = static_cast<const LanePick *>(other);
    return compare(*a, b->role, b->type, b->priority, 3);
}

bool is_past(const LanePick &lane, const LaneEdge &edge) {
    return compare(lane, edge.role, edge.type, edge.priority, edge.columns) > 0;
}

void bound(RawRange *rows, StrategyNumber strategy, const LaneEdge &edge) {
    if (edge.columns == 0)
        return;
    const RawBound columns[] = {
        {F_BTOIDCMP, OIDOID, ObjectIdGetDatum(edge.role)},
        {F_BTTEXTCMP, TEXTOID, CStringGetTextDatum(edge.type)},
        {F_BTINT2CMP, INT2OID, Int16GetDatum(static_cast<int16>(edge.priority))}};
    range_compares(rows, strategy, 1, columns, edge.columns);
}

bool probe(LaneWalk *walk, const LaneEdge &before) {
    unbound_range(&walk->rows);
    if (OidIsValid(walk->role))
        range_equals(&walk->rows, 1, F_OIDEQ, ObjectIdGetDatum(walk->role));
    if (walk->type != nullptr)
        range_equals(&walk->rows, 2, F_TEXTEQ, CStringGetTextDatum(walk->type));
    bound(&walk->rows, BTGreaterStrategyNumber, walk->after);
    bound(&walk->rows, BTLessStrategyNumber, before);
    begin_range(&walk->rows);
    return next_in_range(&walk->rows);
}

void read_lane(const LaneWalk &walk, LanePick *found) {
    TupleTableSlot *row = walk.rows.row;
    bool null;
    found->role = DatumGetObjectId(slot_getattr(row, kRunAs, &null));
    text_to_cstring_buffer(DatumGetTextPP(slot_getattr(row, kType, &null)), found->type,
                           kTypeBytes);
    found->priority = walk.keyed ? kKeyed : DatumGetInt16(slot_getattr(row, kPriority, &null));
    found->mark = {position_of(walk.rows), 0};
}

// The next known lane of those that the walk looks between.
bool is_of(const LaneWalk &walk, const LanePick &lane) {
    return (lane.priority == kKeyed) == walk.keyed &&
           (!OidIsValid(walk.role) || lane.role == walk.role) &&
           (walk.type == nullptr || strcmp(lane.type, walk.type) == 0);
}

} // namespace

Known known_lanes() {
    int count;
    LanePick *lanes = copy_lanes(MyDatabaseId, &count);
    qsort(lanes, count, sizeof(LanePick), in_order);
    return {lanes, count};
}

bool begin_walk(LaneWalk *walk, const Known &known, Oid role, const char *type, bool keyed) {
    walk->known = known;
    walk->gap = 0;
    walk->role = role;
    walk->type = type;
    walk->keyed = keyed;
    walk->found = false;
    walk->after = LaneEdge{};
    return open_range(&walk->rows, "job_queue",
                      keyed ? "job_queue_key_idx" : "job_queue_claim_idx");
}

bool next_lane(LaneWalk *walk, Past past, LanePick *found) {
    if (walk->found)
        walk->after = edge_of(*found, past);
    for (; walk->gap <= walk->known.count; walk->gap++) {
        const bool last = walk->gap == walk->known.count;
        const LanePick *next = &walk->known.lanes[walk->gap];
        if (!last && (!is_of(*walk, *next) || !is_past(*next, walk->after)))
            continue;
        walk->found = probe(walk, last ? LaneEdge{} : edge_of(*next, Past::lane));
        if (walk->found) {
            read_lane(*walk, found);
            return true;
        }
        if (!last)
            walk->after = edge_of(*next, Past::lane);
    }
    return false;
}

void end_walk(LaneWalk *walk) { close_range(&walk->rows); }

} // namespace ayb
