#include "hand/keys.hpp"

#include "base/columns.hpp"

namespace ayb {

namespace {

#define AYB_KEY_OWNER "CASE WHEN q.registration IS NULL THEN q.run_as ELSE q.enqueued_by END"
// Of several with the same key the youngest comes first.
#define AYB_KEYED                                                                                  \
    "SELECT DISTINCT ON (1, 2) " AYB_KEY_OWNER " AS run_as, q.idempotency_key, q.id"               \
    " FROM ayb_jobs.job_queue AS q"                                                                \
    " WHERE q.id = ANY ($1) AND q.state = 'canceled' AND q.idempotency_key IS NOT NULL"            \
    " ORDER BY 1, 2, 3 DESC"

// Whoever takes one of these keys for a new job, or for one that is run again, waits from here on;
// and one that keeps its snapshot gets 40001.
Sql<UuidArray> g_lock{
    "INSERT INTO ayb_jobs.job_keys AS k (run_as, idempotency_key, job_id) " AYB_KEYED
    " ON CONFLICT (run_as, idempotency_key) DO UPDATE SET job_id = k.job_id"};
// With a snapshot of its own: what it sees of who has them stays so.
Sql<UuidArray> g_take{
    "UPDATE ayb_jobs.job_keys AS k SET job_id = w.id FROM (" AYB_KEYED ") AS w"
    " WHERE k.run_as = w.run_as AND k.idempotency_key = w.idempotency_key AND k.job_id <> w.id"
    " AND " AYB_NOBODY_HAS("k.job_id")};
// A row that was written by hand holds its key by itself.
Sql<UuidArray> g_give_up{
    "UPDATE ayb_jobs.job_queue AS q SET idempotency_key = NULL"
    " WHERE q.id = ANY ($1) AND q.state = 'canceled' AND q.idempotency_key IS NOT NULL"
    " AND ((SELECT k.job_id FROM ayb_jobs.job_keys AS k WHERE k.run_as = " AYB_KEY_OWNER
    " AND k.idempotency_key = q.idempotency_key) IS DISTINCT FROM q.id"
    " OR q.registration IS NULL AND (SELECT o.id FROM ayb_jobs.job_queue AS o"
    " WHERE o.run_as = q.run_as AND o.idempotency_key = q.idempotency_key AND o.registration IS "
    "NULL"
    " AND o.canceled_at IS NULL AND o.id <> q.id LIMIT 1) IS NOT NULL)"
    " RETURNING q.id"};
#undef AYB_KEYED
#undef AYB_KEY_OWNER

} // namespace

void take_keys_again(UuidArray canceled) {
    if (g_lock.run(canceled) == 0)
        return;
    g_take.run(canceled);
    const uint64 lost = g_give_up.run(canceled);
    if (lost == 0)
        return;
    ereport(NOTICE,
            (lost == 1
                 ? errmsg("a job runs without its idempotency_key, which another one has by now")
                 : errmsg(UINT64_FORMAT
                          " jobs run without their idempotency_key, which others have by now",
                          lost),
             errhint("A canceled job's key is free. Cancel what is not to run beside the other.")));
}

} // namespace ayb
