#pragma once
// Unique keys: of an enqueuer's jobs of a type with one key, at most one waits for its first start.
#include "core/uuid7.hpp"
#include "jobs/order.hpp"

namespace ayb {

// A job to be enqueued, with its unique key.
struct UniqueJob {
    const char *key;
    Datum payload;
    const char *partition_key; // null for none
};

// Enqueues it as `*id`; or has the job with its key that waits for its first start do as the
// order's on_conflict says, and sets `*id` to that one's. Whoever has just enqueued one with the
// key, changed it, or is about to start it, is waited for: so a job that is found begins after this
// transaction has ended. One that is kept isn't beyond its deadline: such a job is canceled, and
// gives the key up. In the caller's transaction, outside the books.
void insert_unique(const Order &order, const UniqueJob &job, core::Uuid *id);

} // namespace ayb
