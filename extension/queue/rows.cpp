#include "queue/rows.hpp"

#include "pg/roles.hpp"
#include "queue/arguments.hpp"

namespace ayb {

namespace {

Statement s_row{"SELECT j FROM ayb_jobs.jobs AS j WHERE j.id = $1", 1, {UUIDOID}, nullptr};
Statement s_lock{
    "SELECT q.state, q.run_as::oid, q.attempts, q.worker_id, q.waits_for, q.type, q.lease_until"
    " FROM ayb_jobs.job_queue AS q WHERE q.id = $1 FOR UPDATE",
    1,
    {UUIDOID},
    nullptr};
Statement s_find{
    "SELECT q.state, q.run_as::oid, q.attempts, q.worker_id, q.waits_for, q.type, q.lease_until"
    " FROM ayb_jobs.job_queue AS q WHERE q.id = $1",
    1,
    {UUIDOID},
    nullptr};
Statement s_history{"SELECT 'completed', h.run_as::oid, h.attempts, h.worker_id, NULL, h.type,"
                    " NULL::timestamptz FROM ayb_jobs.job_history AS h WHERE h.id = $1 LIMIT 1",
                    1,
                    {UUIDOID},
                    nullptr};

void copy_text(char *to, Size size, const char *from) {
    strlcpy(to, from != nullptr ? from : "", size);
}

} // namespace

Datum job_row(const core::Uuid &id, bool *null) {
    Parameters parameters;
    if (run_statement(s_row, parameters.set(1, uuid_datum(id)), 1) == 0) {
        *null = true;
        return static_cast<Datum>(0);
    }
    return column(0, 1, null);
}

Datum copy_row(Datum row, MemoryContext context) {
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

Found find_job(const core::Uuid &id, Oid me, bool admin, bool lock) {
    Found found{};
    Parameters parameters;
    parameters.set(1, uuid_datum(id));
    if (run_statement(lock ? s_lock : s_find, parameters) == 0 &&
        run_statement(s_history, parameters) == 0)
        return found;
    found.run_as = oid_column(0, 2);
    if (!admin && found.run_as != me && !has_privs_of_role(me, found.run_as))
        return found;
    found.exists = true;
    copy_text(found.state, sizeof(found.state), text_column(0, 1));
    found.attempt = static_cast<int>(int_column(0, 3));
    copy_text(found.worker, sizeof(found.worker), text_column(0, 4));
    const char *waits_for = text_column(0, 5);
    found.external = waits_for != nullptr && strcmp(waits_for, "external") == 0;
    copy_text(found.type, sizeof(found.type), text_column(0, 6));
    found.lease_until = time_column(0, 7, DT_NOEND);
    return found;
}

} // namespace ayb
