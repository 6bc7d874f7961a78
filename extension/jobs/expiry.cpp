#include "jobs/expiry.hpp"

#include "base/columns.hpp"
#include "handlers/bond.hpp"
#include "pg/arrays.hpp"
#include "pg/clock.hpp"
#include "pg/sql.hpp"

namespace ayb {

namespace {

Sql<UuidArray, At> g_cancel{R"sql(
    UPDATE ayb_jobs.job_queue AS q
    SET state = 'canceled', canceled_at = $2, updated_at = $2,
        last_error = 'it had not been started by ' || (to_json(q.expires_at) #>> '{}')
    WHERE q.id = ANY ($1)
)sql"};

} // namespace

bool is_expired(TupleTableSlot *row, TimestampTz now) {
    bool null;
    const Datum at = slot_getattr(row, kExpiresAt, &null);
    return !null && DatumGetTimestampTz(at) <= now &&
           DatumGetInt32(slot_getattr(row, kRuns, &null)) == 0;
}

bool may_be_run(TupleTableSlot *row, const char *type, Oid run_as) {
    return is_carried(row, type, run_as) && !is_expired(row, clock_now());
}

void cancel_expired(const Datum *ids, int count, TimestampTz now) {
    in_books([&] { g_cancel.run(UuidArray(uuid_array(ids, count)), At{now}); });
}

} // namespace ayb
