#include "jobs/key_order.hpp"

#include "base/arguments.hpp"
#include "base/columns.hpp"
#include "handlers/handlers.hpp"
#include "jobs/lane_place.hpp"
#include "jobs/lane_rows.hpp"
#include "turns/places.hpp"

namespace ayb {

namespace {

constexpr AttrNumber kKeyColumn = 2;
constexpr AttrNumber kOrderColumn = 3; // priority, id

// The first row there. False where there is none.
bool look_at(const LanePick &lane, const char *key, const Position &from, bool behind,
             RawRange *rows, Position *at) {
    begin_key(lane, key, from, behind, rows);
    return next_lane_row(rows, lane, DT_NOEND, at);
}

} // namespace

Position order_of(const RawRange &rows) {
    bool null;
    return {DatumGetInt16(slot_getattr(rows.row, kPriority, &null)), position_of(rows).id};
}

void bind_lane(const LanePick &lane, RawRange *rows) {
    unbound_range(rows);
    bound_range(rows, 1, BTEqualStrategyNumber, F_INT8EQ, Int64GetDatum(place_of(lane)));
}

void begin_key(const LanePick &lane, const char *key, const Position &from, bool behind,
               RawRange *rows) {
    const RawBound order[] = {
        {F_BTINT2CMP, INT2OID, Int16GetDatum(static_cast<int16>(from.run_at))},
        {F_UUID_CMP, UUIDOID, uuid_datum(from.id)}};
    bind_lane(lane, rows);
    bound_range(rows, kKeyColumn, BTEqualStrategyNumber, F_TEXTEQ, CStringGetTextDatum(key));
    if (kBegin < from)
        range_compares(rows, behind ? BTGreaterStrategyNumber : BTGreaterEqualStrategyNumber,
                       kOrderColumn, order, lengthof(order));
    begin_range(rows);
}

bool find_next_key(const LanePick &lane, RawRange *rows, char *key, Position *at) {
    bind_lane(lane, rows);
    if (key[0] != '\0')
        bound_range(rows, kKeyColumn, BTGreaterStrategyNumber, F_TEXT_GT, CStringGetTextDatum(key));
    begin_range(rows);
    if (!next_lane_row(rows, lane, DT_NOEND, at))
        return false;
    bool null;
    text_to_cstring_buffer(DatumGetTextPP(slot_getattr(rows->row, kPartitionKey, &null)), key,
                           kPartitionKeyBytes);
    return true;
}

bool find_by_id(const LanePick &lane, const char *key, const Position &from,
                const core::Uuid &after, RawRange *rows, Position *first, Position *at) {
    Position best = kEnd;
    Position next = from;
    bool behind = false;
    *first = kEnd;
    while (look_at(lane, key, next, behind, rows, at)) {
        const Position here = order_of(*rows);
        *first = here < *first ? here : *first;
        behind = !(after < here.id);
        next = behind ? Position{here.run_at, after} : Position{here.run_at + 1, {}};
        if (!behind && (!(best < kEnd) || here.id < best.id))
            best = here;
    }
    return best < kEnd && look_at(lane, key, best, false, rows, at);
}

core::Uuid first_of_key(const Ordered &job) {
    LanePick lane{};
    lane.role = job.role;
    lane.priority = kKeyed;
    strlcpy(lane.type, job.type, kTypeBytes);
    RawRange rows;
    if (!open_range(&rows, "job_queue", "job_queue_key_idx"))
        return {};
    Position first;
    Position at;
    const Position from = floor_of_key(ring_key(job.role, job.type), job.key);
    const bool found = find_by_id(lane, job.key, from, job.after, &rows, &first, &at);
    close_range(&rows);
    return found ? at.id : core::Uuid{};
}

bool key_may_start(const Ordered &job, TimestampTz now) {
    if (state_of_key(limit_key(job.type), hash_of_key(job.key)).opens_at > now)
        return false;
    return !is_ordered(job.type) || first_of_key(job) == job.job;
}

bool is_next_of_key(const Ordered &job) {
    PushActiveSnapshot(GetLatestSnapshot());
    const bool is_next = first_of_key(job) == job.job;
    PopActiveSnapshot();
    return is_next;
}

} // namespace ayb
