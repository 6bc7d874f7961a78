#include "enqueue/unique.hpp"

#include "base/arguments.hpp"
#include "jobs/expiry.hpp"
#include "jobs/insert.hpp"
#include "pg/clock.hpp"

namespace ayb {

namespace {

// What the index has: in it are queued jobs alone, as others give their key up or have been
// started.
#define AYB_WAITS                                                                                  \
    "q.enqueued_by = $1 AND q.type = $2 AND q.unique_key = $3 AND q.last_run_at IS NULL"

// A share of the row holds off whoever would start the job, but nobody else who keeps it.
Sql<Oid, const char *, const char *, At> g_keep{
    "SELECT q.id, coalesce(q.expires_at <= $4, false) FROM ayb_jobs.job_queue AS q WHERE " AYB_WAITS
    " FOR KEY SHARE"};
// That share doesn't hold off who replaces the job, and may just have given it a later deadline.
Sql<core::Uuid, At> g_lock_expired{"SELECT q.id FROM ayb_jobs.job_queue AS q"
                                   " WHERE q.id = $1 AND q.state = 'queued' AND q.expires_at <= $2"
                                   " AND q.last_run_at IS NULL FOR NO KEY UPDATE"};
using Replace = Sql<Oid, const char *, const char *, Json, int, At, At, std::optional<int64>,
                    std::optional<At>, std::optional<Json>>;
Replace g_replace{"UPDATE ayb_jobs.job_queue AS q"
                  " SET payload = $4, priority = $5, expires_at = $9, meta = $10, updated_at = $7,"
                  " run_at = least($6, q.created_at + $8 * interval '1 ms')"
                  " WHERE " AYB_WAITS " RETURNING q.id"};
using Insert =
    Sql<core::Uuid, const char *, Json, Oid, Oid, At, int, At, int, std::optional<core::Uuid>,
        const char *, const char *, std::optional<At>, std::optional<Json>>;
Insert g_insert{R"sql(
    INSERT INTO ayb_jobs.job_queue AS q (id, type, payload, run_as, enqueued_by, run_at,
        max_attempts, created_at, updated_at, priority, registration, partition_key, unique_key,
        expires_at, meta)
    VALUES ($1, $2, $3, $4, $5, $6, $7, $8, $8, $9, $10, $11, $12, $13, $14)
    ON CONFLICT (enqueued_by, type, unique_key)
        WHERE unique_key IS NOT NULL AND last_run_at IS NULL DO NOTHING
    RETURNING q.id
)sql"};

// False also where it was of no use any more: to keep it would be to lose this one.
bool kept(const Order &order, const UniqueJob &job) {
    if (g_keep.run(order.enqueued_by, order.type, job.key, At{order.now}) == 0)
        return false;
    core::Uuid id;
    bool expired;
    read_row(0, &id, &expired);
    if (!expired)
        return true;
    const Datum value = uuid_datum(id);
    if (g_lock_expired.run(id, At{order.now}) > 0)
        cancel_expired(&value, 1, order.now);
    return false;
}

bool replaced(const Order &order, const UniqueJob &job) {
    return g_replace.run(order.enqueued_by, order.type, job.key, Json{job.payload}, *order.priority,
                         At{order.run_at}, At{order.now}, order.options.max_delay_ms,
                         deadline_of(order.options), meta_of(order.options)) > 0;
}

bool found(const Order &order, const UniqueJob &job) {
    const bool keep = order.options.on_conflict.value_or(OnConflict::keep) == OnConflict::keep;
    return keep ? kept(order, job) : replaced(order, job);
}

bool inserted(const Order &order, const UniqueJob &job, const core::Uuid &id) {
    return g_insert.run(id, order.type, Json{job.payload}, order.run_as, order.enqueued_by,
                        At{order.run_at}, order.max_attempts, At{order.now}, *order.priority,
                        order.registration, job.partition_key, job.key, deadline_of(order.options),
                        meta_of(order.options)) > 0;
}

} // namespace

// Each statement sees what has been committed since, so one of both comes to an end: the other's
// job is there, or it has begun, or is gone. A transaction that keeps its snapshot gets 40001.
void insert_unique(const Order &order, const UniqueJob &job, core::Uuid *id) {
    in_books([&] {
        while (!found(order, job) && !inserted(order, job, *id))
            CHECK_FOR_INTERRUPTS();
        read_row(0, id);
    });
}

} // namespace ayb
