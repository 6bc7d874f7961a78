#include "base/rows.hpp"

#include "base/arguments.hpp"

namespace ayb {

namespace {

Statement s_row{"SELECT j FROM ayb_jobs.jobs AS j WHERE j.id = $1", 1, {UUIDOID}, nullptr};
// The caller's right is part of each look-up: what is not theirs is neither locked nor waited for,
// so that an id of somebody else's can't be told from one that nobody has.
#define AYB_MAY_TOUCH(row)                                                                         \
    row ".id = $1 AND ($3 OR " row ".run_as = $2"                                                  \
        " OR pg_has_role($2, " row ".run_as::oid, 'USAGE'))"

Statement s_lock{
    "SELECT q.state, q.run_as::oid, q.attempts, q.worker_id, q.waits_for, q.type, q.lease_until"
    " FROM ayb_jobs.job_queue AS q WHERE " AYB_MAY_TOUCH("q") " FOR UPDATE",
    3,
    {UUIDOID, OIDOID, BOOLOID},
    nullptr};
Statement s_find{
    "SELECT q.state, q.run_as::oid, q.attempts, q.worker_id, q.waits_for, q.type, q.lease_until"
    " FROM ayb_jobs.job_queue AS q WHERE " AYB_MAY_TOUCH("q"),
    3,
    {UUIDOID, OIDOID, BOOLOID},
    nullptr};
Statement s_history{"SELECT 'completed', h.run_as::oid, h.attempts, h.worker_id, NULL, h.type,"
                    " NULL::timestamptz FROM ayb_jobs.job_history AS h"
                    " WHERE " AYB_MAY_TOUCH("h") " LIMIT 1",
                    3,
                    {UUIDOID, OIDOID, BOOLOID},
                    nullptr};

#undef AYB_MAY_TOUCH

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
    parameters.set(1, uuid_datum(id)).set(2, ObjectIdGetDatum(me)).set(3, BoolGetDatum(admin));
    if (run_statement(lock ? s_lock : s_find, parameters) == 0 &&
        run_statement(s_history, parameters) == 0)
        return found;
    found.run_as = oid_column(0, 2);
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
