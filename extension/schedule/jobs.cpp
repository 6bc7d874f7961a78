#include "schedule/jobs.hpp"

#include "base/arguments.hpp"
#include "pg/arrays.hpp"

namespace ayb {

namespace {

Sql<UuidArray, UuidArray, TimeArray, OidArray, At, UuidArray, std::optional<Json>> g_insert{R"sql(
    INSERT INTO ayb_jobs.job_queue (id, type, payload, run_as, enqueued_by, run_at,
        max_attempts, schedule_id, scheduled_at, created_at, updated_at,
        priority, registration, meta)
    SELECT u.id, s.job_type, s.payload, u.run_as, s.run_as, $5, s.max_attempts, s.id,
        u.scheduled_at, $5, $5, coalesce(h.priority, 0), u.registration, $7
    FROM unnest($1, $2, $3, $4, $6) AS u (id, schedule, scheduled_at, run_as, registration)
        JOIN ayb_jobs.schedules AS s ON s.id = u.schedule
        LEFT JOIN ayb_jobs.handlers AS h ON h.type = s.job_type
)sql"};

} // namespace

TickJobs no_jobs() {
    return {new_column(UUIDOID), new_column(UUIDOID), new_column(TIMESTAMPTZOID),
            new_column(OIDOID), new_column(UUIDOID)};
}

core::Uuid add_job(TickJobs *jobs, const core::Uuid &schedule, const Order &order,
                   TimestampTz scheduled_at) {
    const core::Uuid id = new_job_id(order.now);
    add_value(jobs->ids, uuid_datum(id));
    add_value(jobs->schedules, uuid_datum(schedule));
    add_time(jobs->scheduled_at, scheduled_at);
    add_value(jobs->run_as, ObjectIdGetDatum(order.run_as));
    add_value(jobs->registrations, order.registration ? uuid_datum(*order.registration) : 0,
              !order.registration);
    return id;
}

void insert_jobs(const TickJobs &jobs, TimestampTz now, std::optional<Json> meta) {
    if (jobs.ids->nelems == 0)
        return;
    g_insert.run(UuidArray(whole_column(jobs.ids)), UuidArray(whole_column(jobs.schedules)),
                 TimeArray(whole_column(jobs.scheduled_at)), OidArray(whole_column(jobs.run_as)),
                 At{now}, UuidArray(whole_column(jobs.registrations)), meta);
}

} // namespace ayb
