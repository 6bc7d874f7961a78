#include "matview/refresh.hpp"

#include "base/arguments.hpp"
#include "base/rights.hpp"
#include "matview/advice.hpp"
#include "matview/record.hpp"
#include "matview/rows.hpp"
#include "matview/statement.hpp"
#include "matview/unchanged.hpp"
#include "pg/text.hpp"
#include "pg/tuples.hpp"

namespace ayb {

namespace {

Sql<Oid> g_unique{"SELECT ayb_jobs_internal.has_unique_index($1)"};

constexpr int kErrorBytes = 8192;

RefreshOutcome begin_outcome(const Matview &matview) {
    RefreshOutcome outcome{};
    outcome.id = matview.id;
    outcome.schema = matview.schema;
    outcome.view = matview.view;
    outcome.duration_ms = -1;
    outcome.rows = -1;
    return outcome;
}

// `written` is what the record says: null for nothing.
RefreshOutcome fail(RefreshOutcome outcome, RefreshReason reason, const char *sqlstate,
                    const char *error, const char *written, const char *hint) {
    outcome.status = RefreshStatus::error;
    outcome.reason = reason;
    strlcpy(outcome.sqlstate, sqlstate, sizeof(outcome.sqlstate));
    outcome.error = error;
    outcome.written = written;
    outcome.hint = hint;
    return outcome;
}

// The key that AYB's own server takes for the view, so that the two exclude each other.
bool take_lock(const Matview &matview) {
    const char *name = psprintf("%s.%s", matview.schema, matview.view);
    const Datum key =
        DirectFunctionCall1Coll(hashtext, DEFAULT_COLLATION_OID, CStringGetTextDatum(name));
    const int64 wide = DatumGetInt32(key);
    return DatumGetBool(DirectFunctionCall1(pg_try_advisory_xact_lock_int8, Int64GetDatum(wide)));
}

bool is_populated(Oid view) {
    return catalog_field(RELOID, view, &FormData_pg_class::relispopulated, false);
}

bool has_unique_index(Oid view) {
    return in_books([view] {
        bool found = false;
        g_unique.run(view);
        read_row(0, &found);
        return found;
    });
}

RefreshOutcome view_gone(const Matview &matview) {
    return fail(begin_outcome(matview), RefreshReason::view_gone, "42P01",
                "materialized view no longer exists in database",
                psprintf("materialized view not found: %s.%s", matview.schema, matview.view),
                "ayb_jobs.unregister_matview() forgets it; a renamed one is registered anew.");
}

// What PostgreSQL would refuse as well, but with less help. Returns whether it may go on.
bool may_be_concurrent(const Matview &matview, Oid view, RefreshOutcome *outcome) {
    if (!is_populated(view)) {
        constexpr const char *kText = "concurrent refresh requires a populated materialized view";
        *outcome = fail(*outcome, RefreshReason::not_populated, "55000", kText, kText,
                        psprintf("REFRESH MATERIALIZED VIEW %s; once, without CONCURRENTLY.",
                                 quote_qualified_identifier(matview.schema, matview.view)));
        return false;
    }
    if (!has_unique_index(view)) {
        *outcome = fail(*outcome, RefreshReason::no_unique_index, "55000",
                        "concurrent refresh requires a unique index on the materialized view",
                        "concurrent refresh requires a unique index", unique_index_advice(view));
        return false;
    }
    return true;
}

const char *written_error(const Refreshed &refreshed) {
    const int bytes = clipped_bytes(refreshed.error, kErrorBytes);
    return psprintf("ERROR: %.*s (SQLSTATE %s)", bytes, refreshed.error, refreshed.sqlstate);
}

RefreshOutcome run(const Matview &matview, Oid owner, Oid me, RefreshOutcome outcome) {
    instr_time start;
    instr_time end;
    INSTR_TIME_SET_CURRENT(start);
    const Refreshed refreshed = refresh_view(matview, owner, !has_privs_of_role(me, owner));
    INSTR_TIME_SET_CURRENT(end);
    INSTR_TIME_SUBTRACT(end, start);
    outcome.duration_ms = static_cast<int64>(INSTR_TIME_GET_MILLISEC(end));
    if (!refreshed.done)
        return fail(outcome, RefreshReason::failed, refreshed.sqlstate, refreshed.error,
                    written_error(refreshed), refreshed.hint);
    outcome.status = RefreshStatus::success;
    outcome.rows = refreshed.rows;
    return outcome;
}

RefreshOutcome try_refresh(const Matview &matview, Oid view, Oid owner, Oid me) {
    RefreshOutcome outcome = begin_outcome(matview);
    if (!take_lock(matview))
        return fail(outcome, RefreshReason::in_progress, "55006", "refresh already in progress",
                    nullptr, "Another session holds the lock; pg_locks shows which.");
    if (matview.concurrent && !may_be_concurrent(matview, view, &outcome))
        return outcome;
    SourcesSeen seen = look_at_sources(matview, view); // before the statement takes its snapshot
    if (seen.unchanged && is_populated(view)) {
        record_skipped(matview.id);
        outcome.status = RefreshStatus::skipped;
        outcome.reason = RefreshReason::unchanged;
        return outcome;
    }
    outcome = run(matview, owner, me, outcome);
    if (outcome.status == RefreshStatus::success)
        record_refresh(outcome, view, sources_after(seen, view));
    return outcome;
}

} // namespace

RefreshOutcome refresh_matview(const core::Uuid &id) {
    const Oid me = GetUserId();
    const Matview matview = require_matview(id, me, Right::operate, false);
    const Oid view = find_view(matview.schema, matview.view);
    const Oid owner = OidIsValid(view) ? view_owner(view) : matview.run_as;
    check_owner(owner, me, Right::operate, matview.schema, matview.view);
    const RefreshOutcome outcome =
        OidIsValid(view) ? try_refresh(matview, view, owner, me) : view_gone(matview);
    if (outcome.written != nullptr)
        record_refresh(outcome, view, nullptr);
    return outcome;
}

} // namespace ayb

using namespace ayb;

// refresh_now(id) → refresh_outcome
AYB_SQL_FUNCTION(ayb_jobs_refresh_now) {
    PG_RETURN_DATUM(outcome_datum(fcinfo, refresh_matview(id_argument(fcinfo, 0))));
}
