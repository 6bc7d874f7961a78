#pragma once
// New rows of job_queue.
#include "jobs/order.hpp"

namespace ayb {

// Inserts `count` jobs of one order, each with its id and payload; with a key only one. In the
// caller's transaction, outside the books; needs a snapshot.
void insert_jobs(const Order &order, const Datum *ids, const Datum *payloads, int count,
                 const char *key);

} // namespace ayb
