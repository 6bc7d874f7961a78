#include "group/due_rows.hpp"

#include "base/arguments.hpp"
#include "base/columns.hpp"

namespace ayb {

bool open_due_rows(RawRange *rows, Oid role, const Position &from, TimestampTz until) {
    if (!open_range(rows, "job_queue", "job_queue_claim_idx")) // (run_as, run_at, id)
        return false;
    range_equals(rows, 1, F_OIDEQ, ObjectIdGetDatum(role));
    range_begins(rows, 2, {F_TIMESTAMPTZ_CMP, TIMESTAMPTZOID, TimestampTzGetDatum(from.run_at)},
                 {F_UUID_CMP, UUIDOID, PointerGetDatum(&from.id)});
    range_ends(rows, 2, F_TIMESTAMPTZ_LE, TimestampTzGetDatum(until));
    begin_range(rows);
    return true;
}

Position position_of(const RawRange &rows) {
    bool null;
    const TimestampTz run_at = DatumGetTimestampTz(slot_getattr(rows.row, kRunAt, &null));
    return {run_at, uuid_value(slot_getattr(rows.row, kId, &null))};
}

} // namespace ayb
