#include "jobs/lane_rows.hpp"

#include "base/arguments.hpp"
#include "base/columns.hpp"
#include "jobs/lane_place.hpp"
#include "pg/sql.hpp"

namespace ayb {

namespace {

Sql<LanePlace, const char *, At, core::Uuid> g_first{R"sql(
    SELECT q.run_at, q.id
    FROM ayb_jobs.job_queue AS q
    WHERE q.lane = $1 AND q.type = $2 AND q.state = 'queued' AND q.waits_for IS NULL
        AND q.partition_key IS NULL AND (q.run_at, q.id) >= ($3, $4)
    ORDER BY q.run_at, q.id
    LIMIT 1
)sql"};
Sql<LanePlace, const char *, At, core::Uuid> g_first_keyed{R"sql(
    SELECT q.run_at, q.id
    FROM ayb_jobs.job_queue AS q
    WHERE q.lane = $1 AND q.type = $2 AND q.state = 'queued' AND q.waits_for IS NULL
        AND q.partition_key IS NOT NULL AND (q.run_at, q.id) >= ($3, $4)
    ORDER BY q.run_at, q.id
    LIMIT 1
)sql"};

bool has_keys(const LanePick &lane) { return lane.priority == kKeyed; }

// (lane, run_at, id)
void bound_plain(RawRange *rows, const LanePick &lane, TimestampTz until) {
    const RawBound from[] = {
        {F_TIMESTAMPTZ_CMP, TIMESTAMPTZOID, TimestampTzGetDatum(lane.mark.at.run_at)},
        {F_UUID_CMP, UUIDOID, uuid_datum(lane.mark.at.id)}};
    range_compares(rows, BTGreaterEqualStrategyNumber, 2, from, lengthof(from));
    bound_range(rows, 2, BTLessEqualStrategyNumber, F_TIMESTAMPTZ_LE, TimestampTzGetDatum(until));
}

// Another type may stand at the same place.
bool is_of(const RawRange &rows, const char *type) {
    bool null;
    const text *value = DatumGetTextPP(slot_getattr(rows.row, kType, &null));
    const Size bytes = VARSIZE_ANY_EXHDR(value);
    return bytes == strlen(type) && memcmp(VARDATA_ANY(value), type, bytes) == 0;
}

} // namespace

bool open_lane_rows(RawRange *rows, const LanePick &lane, TimestampTz until) {
    if (!open_range(rows, "job_queue",
                    has_keys(lane) ? "job_queue_key_idx" : "job_queue_claim_idx"))
        return false;
    bound_range(rows, 1, BTEqualStrategyNumber, F_INT8EQ, Int64GetDatum(place_of(lane)));
    if (!has_keys(lane))
        bound_plain(rows, lane, until);
    begin_range(rows);
    return true;
}

bool next_lane_row(RawRange *rows, const LanePick &lane, TimestampTz until, Position *at) {
    while (next_in_range(rows)) {
        *at = position_of(*rows);
        if (at->run_at <= until && is_of(*rows, lane.type))
            return true;
    }
    return false;
}

Position position_of(const RawRange &rows) {
    bool null;
    const TimestampTz run_at = DatumGetTimestampTz(slot_getattr(rows.row, kRunAt, &null));
    return {run_at, uuid_value(slot_getattr(rows.row, kId, &null))};
}

Position first_queued(const LanePick &lane, const Position &from) {
    Position first = kEnd;
    auto &find = has_keys(lane) ? g_first_keyed : g_first;
    const uint64 rows = find.run(place_of(lane), lane.type, At{from.run_at}, from.id);
    if (rows > 0)
        read_row(0, &first.run_at, &first.id);
    return first;
}

void look_for_first(const LanePick &lane) {
    const Position first = in_books([&] { return first_queued(lane, lane.mark.at); });
    raise_lane_floor(lane.key(), lane.mark, first);
}

} // namespace ayb
