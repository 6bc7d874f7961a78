#include "jobs/insert.hpp"

#include "base/arguments.hpp"
#include "base/columns.hpp"
#include "hooks/changes.hpp"
#include "jobs/lane_place.hpp"
#include "jobs/queue_table.hpp"
#include "jobs/row_check.hpp"
#include "pg/arrays.hpp"

namespace ayb {

namespace {

// Where the direct way is closed.
using InsertJobs = Sql<UuidArray, JsonArray, const char *, Oid, At, int, const char *, At, Oid, int,
                       std::optional<core::Uuid>, TextArray, std::optional<At>, std::optional<Json>,
                       std::optional<core::Uuid>, WaitsFor>;
InsertJobs g_insert{R"sql(
    INSERT INTO ayb_jobs.job_queue (id, type, payload, run_as, enqueued_by, run_at,
        max_attempts, idempotency_key, created_at, updated_at, priority, registration, partition_key,
        expires_at, meta, flow, waits_for)
    SELECT u.id, $3, u.payload, $4, $9, $5, $6, $7, $8, $8, $10, $11, u.partition_key,
        $13, $14, $15, $16
    FROM unnest($1, $2, $12) AS u (id, payload, partition_key)
)sql"};

Datum text_array(const NullableDatum *texts, int count) {
    ArrayBuildState *array = new_column(TEXTOID);
    for (int i = 0; texts != nullptr && i < count; i++)
        add_value(array, texts[i].value, texts[i].isnull);
    return whole_column(array);
}

WaitsFor held_by(const Order &order) {
    return order.waits_for_jobs ? WaitsFor::jobs : WaitsFor::worker;
}

void insert_by_statement(const Order &order, const Datum *ids, const Datum *payloads,
                         const NullableDatum *partition_keys, int count, const char *key) {
    const UuidArray id_array(uuid_array(ids, count));
    const JsonArray payload_array(
        construct_array(const_cast<Datum *>(payloads), count, JSONBOID, -1, false, TYPALIGN_INT));
    const TextArray key_array(text_array(partition_keys, count));
    in_books([&] {
        g_insert.run(id_array, payload_array, order.type, order.run_as, At{order.run_at},
                     order.max_attempts, key, At{order.now}, order.enqueued_by, *order.priority,
                     order.registration, key_array, deadline_of(order.options),
                     meta_of(order.options), order.options.flow, held_by(order));
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
    row.set(kRunAs, ObjectIdGetDatum(order.run_as));
    row.set(kEnqueuedBy, ObjectIdGetDatum(order.enqueued_by));
    row.set(kRunAt, TimestampTzGetDatum(order.run_at));
    row.set(kAttempts, Int32GetDatum(0));
    row.set(kMaxAttempts, Int32GetDatum(order.max_attempts));
    row.set(kRuns, Int32GetDatum(0));
    row.set(kPriority, Int16GetDatum(static_cast<int16>(*order.priority)));
    row.set_text(kIdempotencyKey, key);
    if (order.registration)
        row.set(kRegistration, uuid_datum(*order.registration));
    if (order.options.expires_at)
        row.set(kExpiresAt, TimestampTzGetDatum(*order.options.expires_at));
    if (order.options.meta != 0)
        row.set(kMeta, order.options.meta);
    if (order.options.flow)
        row.set(kFlow, uuid_datum(*order.options.flow));
    row.set_text(kWaitsFor, core::word_of(held_by(order)));
    row.set(kLane, Int64GetDatum(lane_place(order.run_as, order.type, *order.priority)));
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
    change.priority = *order.priority;
    change.claimable = !order.waits_for_jobs;
    change.unserved_by = order.unserved_by;
    change.run_at = order.run_at;
    change.waits_until = change.lease_until = DT_NOEND;
    return change;
}

// A key changes where the row stands, as the row trigger and the table would have it.
void set_partition_key(const Order &order, const NullableDatum &key, Row *row, Change *change) {
    const bool waits = !order.waits_for_jobs && waits_for_time(!key.isnull, order.run_at);
    row->nulls[kPartitionKey - 1] = key.isnull;
    row->values[kPartitionKey - 1] = key.value;
    if (!order.waits_for_jobs)
        row->nulls[kWaitsFor - 1] = true;
    if (waits)
        row->set_text(kWaitsFor, core::word_of(WaitsFor::time));
    change->priority = key.isnull ? *order.priority : kKeyed;
    change->level = *order.priority;
    change->key = key.isnull ? nullptr : TextDatumGetCString(key.value);
    change->claimable = !waits && !order.waits_for_jobs;
    change->waits_until = waits ? order.run_at : DT_NOEND;
    row->set(kLane, Int64GetDatum(lane_place(order.run_as, order.type, change->priority)));
}

} // namespace

std::optional<At> deadline_of(const Options &options) {
    return options.expires_at ? std::make_optional(At{*options.expires_at}) : std::nullopt;
}

std::optional<Json> meta_of(const Options &options) {
    return options.meta == 0 ? std::nullopt : std::make_optional<Json>(options.meta);
}

void insert_jobs(const Order &order, const Datum *ids, const Datum *payloads,
                 const NullableDatum *partition_keys, int count, const char *key) {
    RawRows rows;
    if (!open_raw(queue_table(), &rows)) {
        insert_by_statement(order, ids, payloads, partition_keys, count, key);
        return;
    }
    Row row = describe_row(order, key);
    check_row(Values(row.values, row.nulls)); // partition keys were looked at as arguments
    Change change = describe_change(order);
    for (int i = 0; i < count; i++) {
        row.set(kId, ids[i]);
        row.set(kPayload, payloads[i]);
        if (partition_keys != nullptr)
            set_partition_key(order, partition_keys[i], &row, &change);
        insert_raw(&rows, row.values, row.nulls);
        change.job = uuid_value(ids[i]);
        if (preloaded())
            note_change(change);
    }
    close_raw(&rows);
}

} // namespace ayb
