#include "jobs/taking.hpp"

#include "base/arguments.hpp"
#include "base/columns.hpp"
#include "lanes/lanes.hpp"

namespace ayb {

namespace {

// In a running row waits_for says who holds it.
Sql<UuidArray, const char *, At, At, WaitsFor, std::optional<Oid>> g_take{R"sql(
    UPDATE ayb_jobs.job_queue AS q
    SET state = 'running', attempts = q.attempts + 1, runs = q.runs + 1, worker_id = $2,
        lease_until = $3, last_run_at = $4, updated_at = $4, waits_for = $5, claimed_by = $6,
        log = NULL, progress = NULL
    WHERE q.id = ANY ($1)
    RETURNING q.id, q.type, q.payload, q.attempts, q.max_attempts, q.runs, q.run_at,
        q.partition_key, q.meta
)sql"};

// It has its place: what is there of its key now?
bool is_next(const NextRun &next, const Starting &starting) {
    if (next.keys != nullptr && is_all(*next.keys))
        return true;
    const core::Uuid after = next.keys != nullptr ? last_taken(*next.keys) : core::Uuid{};
    return is_next_of_key({next.role, next.type, starting.key, starting.job, after});
}

} // namespace

Lack reserve_next_run(const NextRun &next) {
    if (!any_limits())
        return Lack::nothing;
    bool null;
    bool ordered = false;
    const Starting starting{next.type, next.role, key_text(next.row),
                            uuid_value(slot_getattr(next.row, kId, &null)),
                            DatumGetInt32(slot_getattr(next.row, kRuns, &null)) + 1};
    Opened opened{};
    const Lack lack = next.in_group ? reserve_in_group(starting, &ordered, &opened)
                                    : reserve_place(starting, &ordered, &opened);
    tell_asked(opened);
    if (lack != Lack::nothing || !ordered || is_next(next, starting))
        return lack;
    opened = Opened{};
    give_up_place(starting.job, &opened);
    tell_opened(opened);
    return Lack::order;
}

const char *key_text(TupleTableSlot *row) {
    bool null;
    const Datum key = slot_getattr(row, kPartitionKey, &null);
    return null ? nullptr : TextDatumGetCString(key);
}

uint64 key_of_row(TupleTableSlot *row) { return hash_of_key(key_text(row)); }

uint64 take_rows(const UuidArray &ids, const Taker &taker) {
    return g_take.run(ids, taker.worker, At{taker.lease_until}, At{taker.now},
                      taker.role ? WaitsFor::external : WaitsFor::worker, taker.role);
}

} // namespace ayb
