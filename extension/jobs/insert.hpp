#pragma once
// New rows of job_queue.
#include "jobs/order.hpp"
#include "pg/sql.hpp"

namespace ayb {

// What a statement that writes a row is given of these; none for NULL.
std::optional<At> deadline_of(const Options &options);
std::optional<Json> meta_of(const Options &options);

// Inserts `count` jobs of one order, each with its id, its payload and its partition key, unless
// that is null for all; with an idempotency key only one. In the caller's transaction, outside the
// books; needs a snapshot.
void insert_jobs(const Order &order, const Datum *ids, const Datum *payloads,
                 const NullableDatum *partition_keys, int count, const char *key);

} // namespace ayb
