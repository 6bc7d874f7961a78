// run_schedule_now().
#include "base/arguments.hpp"
#include "base/rights.hpp"
#include "base/rows.hpp"
#include "jobs/insert.hpp"
#include "pg/clock.hpp"
#include "schedule/jobs.hpp"
#include "schedule/rows.hpp"

namespace ayb {

namespace {

Sql<core::Uuid, At, core::Uuid> g_ran{R"sql(
    UPDATE ayb_jobs.schedules AS s
    SET last_run_at = $2, last_jobs = ($3 || s.last_jobs)[:8]
    WHERE s.id = $1
)sql"};

// What enqueue() would check; the handlers are read outside of the books.
Order order_of(const core::Uuid &id, Oid me) {
    MemoryContext context = CurrentMemoryContext;
    Order order = in_bounded_books([&] {
        const Schedule schedule = lock_schedule(id, me, Right::operate);
        Order its{};
        its.type = MemoryContextStrdup(context, schedule.type);
        its.run_as = schedule.run_as;
        its.max_attempts = schedule.max_attempts;
        return its;
    });
    order.now = clock_now();
    order.options.meta = meta_of_session();
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
    const Order order = order_of(id, GetUserId());
    MemoryContext context = CurrentMemoryContext;
    PG_RETURN_DATUM(in_bounded_books([&] {
        TickJobs jobs = no_jobs();
        const core::Uuid job = add_job(&jobs, id, order, DT_NOEND);
        insert_jobs(jobs, order.now, meta_of(order.options));
        g_ran.run(id, At{order.now}, job);
        return copy_row(job_row(job), context);
    }));
}
