#include "jobs/taking.hpp"

#include "base/arguments.hpp"
#include "base/columns.hpp"

namespace ayb {

namespace {

// In a running row waits_for says who holds it.
Sql<UuidArray, const char *, At, At, WaitsFor, std::optional<Oid>> g_take{R"sql(
    UPDATE ayb_jobs.job_queue AS q
    SET state = 'running', attempts = q.attempts + 1, runs = q.runs + 1, worker_id = $2,
        lease_until = $3, last_run_at = $4, updated_at = $4, waits_for = $5, claimed_by = $6,
        log = NULL
    WHERE q.id = ANY ($1)
    RETURNING q.id, q.type, q.payload, q.attempts, q.max_attempts, q.runs, q.run_at,
        q.partition_key, q.meta
)sql"};

const char *key_text(TupleTableSlot *row) {
    bool null;
    const Datum key = slot_getattr(row, kPartitionKey, &null);
    return null ? nullptr : TextDatumGetCString(key);
}

} // namespace

Lack reserve_next_run(Oid role, const char *type, TupleTableSlot *row, bool in_group) {
    if (!any_limits())
        return Lack::nothing;
    bool null;
    const Starting starting{type, role, key_text(row), uuid_value(slot_getattr(row, kId, &null)),
                            DatumGetInt32(slot_getattr(row, kRuns, &null)) + 1};
    return in_group ? reserve_in_group(starting) : reserve_place(starting);
}

uint64 key_of_row(TupleTableSlot *row) { return hash_of_key(key_text(row)); }

uint64 take_rows(const UuidArray &ids, const Taker &taker) {
    return g_take.run(ids, taker.worker, At{taker.lease_until}, At{taker.now},
                      taker.role ? WaitsFor::external : WaitsFor::worker, taker.role);
}

} // namespace ayb
