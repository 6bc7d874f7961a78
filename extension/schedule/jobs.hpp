#pragma once
// The jobs of schedules, written many in one statement.
#include "core/uuid7.hpp"
#include "jobs/order.hpp"
#include "pg/sql.hpp"

namespace ayb {

// Arrays that grow, one element a job. In the current memory context.
struct TickJobs {
    ArrayBuildState *ids;
    ArrayBuildState *schedules;
    ArrayBuildState *scheduled_at; // NULL for a run that no tick asked for
    ArrayBuildState *run_as;
    ArrayBuildState *registrations; // NULL for what is bound to none
};

TickJobs no_jobs();

// Adds a job of the schedule, as its order says. `scheduled_at` DT_NOEND is NULL. Gives back its
// id.
core::Uuid add_job(TickJobs *jobs, const core::Uuid &schedule, const Order &order,
                   TimestampTz scheduled_at);

// Enqueues them, to run at `now`, with their schedules' type, payload and attempts, and this meta.
// Inside the books.
void insert_jobs(const TickJobs &jobs, TimestampTz now, std::optional<Json> meta = std::nullopt);

} // namespace ayb
