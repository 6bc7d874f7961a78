#include "jobs/lane_rows.hpp"

#include "base/arguments.hpp"
#include "base/columns.hpp"
#include "pg/sql.hpp"

namespace ayb {

namespace {

Sql<Oid, const char *, int, At, core::Uuid> g_first{R"sql(
    SELECT q.run_at, q.id
    FROM ayb_jobs.job_queue AS q
    WHERE q.run_as = $1 AND q.type = $2 AND q.priority = $3 AND q.state = 'queued'
        AND q.waits_for IS NULL AND q.partition_key IS NULL AND (q.run_at, q.id) >= ($4, $5)
    ORDER BY q.run_at, q.id
    LIMIT 1
)sql"};
Sql<Oid, const char *, At, core::Uuid> g_first_keyed{R"sql(
    SELECT q.run_at, q.id
    FROM ayb_jobs.job_queue AS q
    WHERE q.run_as = $1 AND q.type = $2 AND q.state = 'queued' AND q.waits_for IS NULL
        AND q.partition_key IS NOT NULL AND (q.run_at, q.id) >= ($3, $4)
    ORDER BY q.run_at, q.id
    LIMIT 1
)sql"};

bool is_keyed(const LanePick &lane) { return lane.priority == kKeyed; }

// (run_as, type, priority, run_at, id)
void bound_plain(RawRange *rows, const LanePick &lane, TimestampTz until) {
    const RawBound from[] = {
        {F_TIMESTAMPTZ_CMP, TIMESTAMPTZOID, TimestampTzGetDatum(lane.mark.at.run_at)},
        {F_UUID_CMP, UUIDOID, uuid_datum(lane.mark.at.id)}};
    range_equals(rows, 3, F_INT2EQ, Int16GetDatum(static_cast<int16>(lane.priority)));
    range_compares(rows, BTGreaterEqualStrategyNumber, 4, from, lengthof(from));
    range_ends(rows, 4, F_TIMESTAMPTZ_LE, TimestampTzGetDatum(until));
}

} // namespace

bool open_lane_rows(RawRange *rows, const LanePick &lane, TimestampTz until) {
    if (!open_range(rows, "job_queue",
                    is_keyed(lane) ? "job_queue_key_idx" : "job_queue_claim_idx"))
        return false;
    range_equals(rows, 1, F_OIDEQ, ObjectIdGetDatum(lane.role));
    range_equals(rows, 2, F_TEXTEQ, CStringGetTextDatum(lane.type));
    if (!is_keyed(lane))
        bound_plain(rows, lane, until);
    begin_range(rows);
    return true;
}

bool next_lane_row(RawRange *rows, TimestampTz until, Position *at) {
    while (next_in_range(rows)) {
        *at = position_of(*rows);
        if (at->run_at <= until)
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
    const uint64 rows =
        is_keyed(lane) ? g_first_keyed.run(lane.role, lane.type, At{from.run_at}, from.id)
                       : g_first.run(lane.role, lane.type, lane.priority, At{from.run_at}, from.id);
    if (rows > 0)
        read_row(0, &first.run_at, &first.id);
    return first;
}

void look_for_first(const LanePick &lane) {
    const Position first = in_books([&] { return first_queued(lane, lane.mark.at); });
    raise_lane_floor(lane.key(), lane.mark, first);
}

} // namespace ayb
