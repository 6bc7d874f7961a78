#include "jobs/insert.hpp"

#include "base/arguments.hpp"
#include "base/columns.hpp"
#include "hooks/changes.hpp"
#include "pg/direct_insert.hpp"
#include "pg/sql.hpp"

namespace ayb {

namespace {

// What job_queue must look like.
constexpr DirectColumn kShape[kQueueColumns] = {{"id", UUIDOID, true},
                                                {"type", TEXTOID, true},
                                                {"payload", JSONBOID, true},
                                                {"state", TEXTOID, true},
                                                {"waits_for", TEXTOID, true},
                                                {"run_as", REGROLEOID, true},
                                                {"run_at", TIMESTAMPTZOID, true},
                                                {"lease_until", TIMESTAMPTZOID, false},
                                                {"worker_id", TEXTOID, false},
                                                {"attempts", INT4OID, true},
                                                {"max_attempts", INT4OID, true},
                                                {"last_error", TEXTOID, false},
                                                {"last_run_at", TIMESTAMPTZOID, false},
                                                {"idempotency_key", TEXTOID, true},
                                                {"schedule_id", UUIDOID, false},
                                                {"scheduled_at", TIMESTAMPTZOID, false},
                                                {"created_at", TIMESTAMPTZOID, true},
                                                {"updated_at", TIMESTAMPTZOID, true},
                                                {"canceled_at", TIMESTAMPTZOID, false}};

// What the first one notes is noted here; the second is for jobs of a schedule.
constexpr const char *kTriggers[] = {"note_job", "expect_schedule", nullptr};

DirectTable g_queue{"job_queue", kTriggers, kShape,  kQueueColumns, InvalidOid,
                    false,       nullptr,   nullptr, nullptr};

// Where the direct way is closed.
using InsertJobs =
    Sql<UuidArray, JsonArray, const char *, WaitsFor, Oid, At, int, const char *, At>;
InsertJobs g_insert{R"sql(
    INSERT INTO ayb_jobs.job_queue (id, type, payload, waits_for, run_as, run_at, max_attempts,
        idempotency_key, created_at, updated_at)
    SELECT u.id, $3, u.payload, $4, $5, $6, $7, $8, $9, $9
    FROM unnest($1, $2) AS u (id, payload)
)sql"};

void insert_by_statement(const Order &order, const Datum *ids, const Datum *payloads, int count,
                         const char *key) {
    const UuidArray id_array(
        construct_array(const_cast<Datum *>(ids), count, UUIDOID, UUID_LEN, false, TYPALIGN_CHAR));
    const JsonArray payload_array(
        construct_array(const_cast<Datum *>(payloads), count, JSONBOID, -1, false, TYPALIGN_INT));
    in_books([&] {
        g_insert.run(id_array, payload_array, order.type, order.waits_for, order.run_as,
                     At{order.run_at}, order.max_attempts, key, At{order.now});
    });
}

struct Row {
    Datum values[kQueueColumns];
    bool nulls[kQueueColumns];

    void set(QueueColumn column, Datum value) {
        values[column - 1] = value;
        nulls[column - 1] = false;
    }
    void set_text(QueueColumn column, const char *value) {
        if (value != nullptr)
            set(column, CStringGetTextDatum(value));
    }
};

// What all jobs of an order have in common.
Row describe_row(const Order &order, const char *key) {
    Row row{};
    memset(row.nulls, true, sizeof(row.nulls));
    row.set_text(kType, order.type);
    row.set_text(kState, core::word_of(State::queued));
    row.set_text(kWaitsFor, core::word_of(order.waits_for));
    row.set(kRunAs, ObjectIdGetDatum(order.run_as));
    row.set(kRunAt, TimestampTzGetDatum(order.run_at));
    row.set(kAttempts, Int32GetDatum(0));
    row.set(kMaxAttempts, Int32GetDatum(order.max_attempts));
    row.set_text(kIdempotencyKey, key);
    row.set(kCreatedAt, TimestampTzGetDatum(order.now));
    row.set(kUpdatedAt, TimestampTzGetDatum(order.now));
    return row;
}

// What the row trigger would note.
Change describe_change(const Order &order) {
    Change change{};
    change.role = order.run_as;
    change.type = order.type;
    change.from = -1;
    change.to = static_cast<int>(State::queued);
    change.claimable = order.waits_for == WaitsFor::worker;
    change.external = order.waits_for == WaitsFor::external;
    change.run_at = order.run_at;
    change.lease_until = DT_NOEND;
    return change;
}

} // namespace

void insert_jobs(const Order &order, const Datum *ids, const Datum *payloads, int count,
                 const char *key) {
    DirectRows rows;
    if (!open_direct(&g_queue, &rows)) {
        insert_by_statement(order, ids, payloads, count, key);
        return;
    }
    Row row = describe_row(order, key);
    Change change = describe_change(order);
    for (int i = 0; i < count; i++) {
        row.set(kId, ids[i]);
        row.set(kPayload, payloads[i]);
        insert_direct(&rows, row.values, row.nulls);
        change.job = uuid_value(ids[i]);
        if (preloaded())
            note_change(change);
    }
    close_direct(&rows);
}

} // namespace ayb
