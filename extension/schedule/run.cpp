// run_schedule_now().
#include "base/arguments.hpp"
#include "base/rows.hpp"
#include "pg/clock.hpp"
#include "pg/roles.hpp"
#include "schedule/jobs.hpp"
#include "schedule/rows.hpp"

namespace ayb {

namespace {

Statement s_ran{"UPDATE ayb_jobs.schedules SET last_run_at = $2 WHERE id = $1",
                2,
                {UUIDOID, TIMESTAMPTZOID},
                nullptr};

// What enqueue() would check; the handlers are read outside of the books.
Order order_of(const core::Uuid &id, Oid me, bool admin) {
    MemoryContext context = CurrentMemoryContext;
    const Books books = open_books();
    const Schedule schedule = lock_schedule(id, me, admin);
    Order order{};
    order.type = MemoryContextStrdup(context, schedule.type);
    order.run_as = schedule.run_as;
    order.max_attempts = schedule.max_attempts;
    close_books(books);
    order.now = clock_now();
    if (!apply_handler(&order, order.run_as))
        notice_no_handler(order.type);
    return order;
}

} // namespace

} // namespace ayb

using namespace ayb;

// run_schedule_now(id) → jobs
AYB_SQL_FUNCTION(ayb_jobs_run_schedule_now) {
    const core::Uuid id = id_argument(fcinfo, 0);
    const Oid me = GetUserId();
    const Order order = order_of(id, me, is_admin(me));
    MemoryContext context = CurrentMemoryContext;
    const Books books = open_books();
    TickJobs jobs = no_jobs();
    const core::Uuid job = add_job(&jobs, id, order, DT_NOEND);
    insert_jobs(jobs, order.now);
    Parameters parameters;
    run_statement(s_ran, parameters.set(1, uuid_datum(id)).set_time(2, order.now));
    bool null;
    const Datum row = copy_row(job_row(job, &null), context);
    close_books(books);
    PG_RETURN_DATUM(row);
}
