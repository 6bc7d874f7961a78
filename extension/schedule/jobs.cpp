#include "schedule/jobs.hpp"

#include "queue/arguments.hpp"

namespace ayb {

namespace {

Statement s_insert{
    "INSERT INTO ayb_jobs.job_queue (id, type, payload, waits_for, run_as, run_at, max_attempts,"
    " schedule_id, scheduled_at, created_at, updated_at)"
    " SELECT u.id, s.job_type, s.payload, u.waits_for, u.run_as, $6, s.max_attempts, s.id,"
    " u.scheduled_at, $6, $6"
    " FROM unnest($1, $2, $3, $4, $5) AS u (id, schedule, scheduled_at, waits_for, run_as)"
    " JOIN ayb_jobs.schedules AS s ON s.id = u.schedule",
    6,
    {UUIDARRAYOID, UUIDARRAYOID, TIMESTAMPTZARRAYOID, TEXTARRAYOID, OIDARRAYOID, TIMESTAMPTZOID},
    nullptr};

ArrayBuildState *empty(Oid type) { return initArrayResult(type, CurrentMemoryContext, false); }

void add(ArrayBuildState *array, Datum value, bool null, Oid type) {
    accumArrayResult(array, value, null, type, CurrentMemoryContext);
}

Datum whole(ArrayBuildState *array) { return makeArrayResult(array, CurrentMemoryContext); }

} // namespace

TickJobs no_jobs() {
    return {empty(UUIDOID), empty(UUIDOID), empty(TIMESTAMPTZOID), empty(TEXTOID), empty(OIDOID)};
}

core::Uuid add_job(TickJobs *jobs, const core::Uuid &schedule, const Order &order,
                   TimestampTz scheduled_at) {
    const core::Uuid id = new_job_id(order.now);
    const bool waits = order.waits_for != nullptr;
    add(jobs->ids, uuid_datum(id), false, UUIDOID);
    add(jobs->schedules, uuid_datum(schedule), false, UUIDOID);
    add(jobs->scheduled_at, TimestampTzGetDatum(scheduled_at), TIMESTAMP_IS_NOEND(scheduled_at),
        TIMESTAMPTZOID);
    add(jobs->waits_for, waits ? CStringGetTextDatum(order.waits_for) : 0, !waits, TEXTOID);
    add(jobs->run_as, ObjectIdGetDatum(order.run_as), false, OIDOID);
    return id;
}

void insert_jobs(const TickJobs &jobs, TimestampTz now) {
    if (jobs.ids->nelems == 0)
        return;
    Parameters parameters;
    parameters.set(1, whole(jobs.ids)).set(2, whole(jobs.schedules));
    parameters.set(3, whole(jobs.scheduled_at)).set(4, whole(jobs.waits_for));
    parameters.set(5, whole(jobs.run_as)).set_time(6, now);
    run_statement(s_insert, parameters);
}

} // namespace ayb
