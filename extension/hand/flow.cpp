// cancel_flow() and retry_flow().
#include "base/arguments.hpp"
#include "hand/by_hand.hpp"

namespace ayb {

namespace {

Sql<core::Uuid, bool, OidArray> g_is_seen{R"sql(
    SELECT f.id FROM ayb_jobs.job_flows AS f
    WHERE f.id = $1 AND ($2 OR f.enqueued_by = ANY ($3))
)sql"};

#define AYB_OF_FLOW " AND q.flow = $6"
ChangeOf<core::Uuid> g_cancel{AYB_CANCEL(AYB_OF_FLOW)};
ChangeOf<core::Uuid> g_retry{AYB_RETRY(AYB_OF_FLOW)};

Datum change_flow(FunctionCallInfo fcinfo, ChangeOf<core::Uuid> *statement) {
    const core::Uuid id = id_argument(fcinfo, 0);
    const Viewer me = viewer(Right::read);
    const bool seen = in_books([&] { return g_is_seen.run(id, me.all, OidArray(me.array)) > 0; });
    if (!seen)
        ereport(ERROR, (errcode(ERRCODE_NO_DATA_FOUND), errmsg("flow %s not found", uuid_text(id)),
                        err_generic_string(PG_DIAG_COLUMN_NAME, "id"),
                        errhint("ayb_jobs.flows shows those that you may see.")));
    return change_those(statement, id);
}

} // namespace

} // namespace ayb

using namespace ayb;

// cancel_flow(id) → bigint
AYB_SQL_FUNCTION(ayb_jobs_cancel_flow) { return change_flow(fcinfo, &g_cancel); }

// retry_flow(id) → bigint
AYB_SQL_FUNCTION(ayb_jobs_retry_flow) { return change_flow(fcinfo, &g_retry); }
