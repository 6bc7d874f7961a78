#include "base/rows.hpp"

#include "base/arguments.hpp"

namespace ayb {

namespace {

// A time of completion that no day has opens none of them. By IS NULL alone it would on 17 and
// later: a column that is never NULL makes the whole history empty there, before its days are left
// out.
Sql<core::Uuid> g_row{"SELECT j FROM ayb_jobs.jobs AS j WHERE j.id = $1 "
                      "AND (j.completed_at IS NULL OR j.completed_at = 'infinity')"};

// The caller's right is part of each look-up: what is not theirs is neither locked nor waited for,
// so that an id of somebody else's can't be told from one that nobody has.
#define AYB_IS(column) "(" column " = $2 OR pg_has_role($2, " column "::oid, 'USAGE'))"
#define AYB_MAY_TOUCH(row)                                                                         \
    row ".id = $1 AND ($3 OR " AYB_IS(row ".run_as") " OR $4 AND " AYB_IS(                         \
        row ".enqueued_by") " AND " AYB_ENQUEUER_SEES(row) ")"
#define AYB_FOUND                                                                                  \
    "SELECT q.state, q.run_as::oid, q.attempts, q.runs, q.worker_id, q.waits_for, q.type,"         \
    " q.lease_until, q.run_at, NULL::timestamptz FROM ayb_jobs.job_queue AS q "                    \
    "WHERE " AYB_MAY_TOUCH("q")

Sql<core::Uuid, Oid, bool, bool> g_lock{AYB_FOUND " FOR UPDATE"};
Sql<core::Uuid, Oid, bool, bool> g_find{AYB_FOUND};
Sql<core::Uuid, Oid, bool, bool, At> g_history{R"sql(
    SELECT 'completed', h.run_as::oid, h.attempts, h.runs, h.worker_id, NULL::text, h.type,
        NULL::timestamptz, h.run_at, h.completed_at
    FROM ayb_jobs.job_history AS h WHERE )sql" AYB_MAY_TOUCH(
                                                   "h") " AND h.completed_at >= $5 LIMIT 1",
                                               Plan::of_values};

#undef AYB_FOUND
#undef AYB_MAY_TOUCH
#undef AYB_IS

} // namespace

Datum job_row(const core::Uuid &id) {
    Datum row = 0;
    if (g_row.first(id))
        read_row(0, &row);
    return row;
}

Datum copy_row(Datum row, MemoryContext context) {
    if (row == 0)
        return 0;
    MemoryContext before = MemoryContextSwitchTo(context);
    const Datum copy = datumCopy(row, false, -1);
    MemoryContextSwitchTo(before);
    return copy;
}

void no_such_job(const core::Uuid &id) {
    ereport(ERROR, (errcode(ERRCODE_NO_DATA_FOUND), errmsg("job %s not found", uuid_text(id)),
                    errhint("ayb_jobs.jobs shows those of your roles; completed ones are kept for"
                            " ayb_jobs.retention.")));
    pg_unreachable();
}

TimestampTz first_made(Datum ids) {
    TimestampTz first = DT_NOEND;
    ArrayIterator each = array_create_iterator(DatumGetArrayTypeP(ids), 0, nullptr);
    Datum id;
    bool null;
    while (array_iterate(each, &id, &null))
        if (!null)
            first = Min(first, made_at(uuid_value(id)));
    array_free_iterator(each);
    return first;
}

At first_completion(TimestampTz made) {
    return At{TIMESTAMP_NOT_FINITE(made) || made < USECS_PER_DAY ? DT_NOBEGIN
                                                                 : made - USECS_PER_DAY};
}

Found find_job(const core::Uuid &id, Oid me, bool all, Whose whose, bool lock) {
    const bool enqueued = whose == Whose::enqueued;
    Found found{};
    const uint64 queued =
        lock ? g_lock.run(id, me, all, enqueued) : g_find.run(id, me, all, enqueued);
    if (queued == 0 && g_history.run(id, me, all, enqueued, first_completion(made_at(id))) == 0)
        return found;
    found.exists = true;
    found.lease_until = DT_NOEND;
    found.completed_at = DT_NOEND;
    read_row(0, &found.state, &found.run_as, &found.attempt, &found.run, &found.worker,
             &found.waits_for, &found.type, &found.lease_until, &found.run_at, &found.completed_at);
    return found;
}

void refuse_job(const core::Uuid &id, Oid me, Right wanted) {
    if (find_job(id, me, has_right(me, Right::read), Whose::enqueued, false).exists)
        refuse_right(me, wanted, "");
    no_such_job(id);
}

} // namespace ayb
