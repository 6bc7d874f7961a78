#include "matview/statement.hpp"

#include "pg/books.hpp"
#include "timers/job_timer.hpp"
#include "timers/statement_timer.hpp"

namespace ayb {

namespace {

PlannedStmt *make_statement(const Matview &matview) {
    auto *refresh = makeNode(RefreshMatViewStmt);
    refresh->concurrent = matview.concurrent;
    refresh->relation = makeRangeVar(pstrdup(matview.schema), pstrdup(matview.view), -1);
    auto *planned = makeNode(PlannedStmt);
    planned->commandType = CMD_UTILITY;
    planned->canSetTag = true;
    planned->utilityStmt = reinterpret_cast<Node *>(refresh);
    return planned;
}

const char *statement_text(const Matview &matview) {
    return psprintf("REFRESH MATERIALIZED VIEW%s %s", matview.concurrent ? " CONCURRENTLY" : "",
                    quote_qualified_identifier(matview.schema, matview.view));
}

// A fresh snapshot, as a statement typed by hand has.
int64 run_refresh(const Matview &matview) {
    PushActiveSnapshot(GetTransactionSnapshot());
    QueryCompletion completion;
    InitializeQueryCompletion(&completion);
    ProcessUtility(make_statement(matview), statement_text(matview), false, PROCESS_UTILITY_QUERY,
                   nullptr, nullptr, None_Receiver, &completion);
    PopActiveSnapshot();
    return static_cast<int64>(completion.nprocessed);
}

// What is set here ends with the subtransaction, however that ends.
int64 run_with_settings(const Matview &matview, Oid owner, bool as_owner) {
    Oid me;
    int context;
    GetUserIdAndSecContext(&me, &context);
    const int level = NewGUCNestLevel();
    if (matview.lock_timeout > 0)
        set_locally("lock_timeout", psprintf("%d", matview.lock_timeout));
    if (as_owner) {
        set_locally("search_path", "pg_catalog, pg_temp");
        SetUserIdAndSecContext(owner, context | SECURITY_LOCAL_USERID_CHANGE);
    }
    start_statement_timer(matview.statement_timeout);
    const int64 rows = run_refresh(matview);
    stop_statement_timer();
    SetUserIdAndSecContext(me, context);
    AtEOXact_GUC(true, level);
    return rows;
}

Refreshed read_error(const ErrorData &error, bool timed_out) {
    Refreshed refreshed{};
    const char *message = error.message != nullptr ? error.message : "unknown error";
    strlcpy(refreshed.sqlstate, unpack_sql_state(error.sqlerrcode), sizeof(refreshed.sqlstate));
    if (timed_out) {
        refreshed.error = "canceling statement due to statement timeout";
        refreshed.hint = "It is the registration's: see ayb_jobs.update_matview().";
        return refreshed;
    }
    refreshed.error =
        error.detail != nullptr ? psprintf("%s: %s", message, error.detail) : pstrdup(message);
    // refresh_all() holds each view until its end, and who reads several does, too.
    refreshed.hint = error.sqlerrcode == ERRCODE_T_R_DEADLOCK_DETECTED
                         ? "A job of type materialized_view_refresh locks one view at a time."
                     : error.hint != nullptr ? pstrdup(error.hint)
                                             : nullptr;
    return refreshed;
}

} // namespace

Refreshed refresh_view(const Matview &matview, Oid owner, bool as_owner) {
    MemoryContext memory = CurrentMemoryContext;
    ResourceOwner resources = CurrentResourceOwner;
    volatile int64 rows = 0;
    ErrorData *volatile error = nullptr;
    volatile bool timed_out = false;

    BeginInternalSubTransaction(nullptr);
    MemoryContextSwitchTo(memory);
    PG_TRY();
    {
        rows = run_with_settings(matview, owner, as_owner);
        ReleaseCurrentSubTransaction();
    }
    PG_CATCH();
    {
        timed_out = stop_statement_timer() && !job_timed_out();
        MemoryContextSwitchTo(memory);
        error = CopyErrorData();
        FlushErrorState();
        RollbackAndReleaseCurrentSubTransaction();
    }
    PG_END_TRY();
    MemoryContextSwitchTo(memory);
    CurrentResourceOwner = resources;

    if (error == nullptr) {
        Refreshed refreshed{};
        refreshed.done = true;
        refreshed.rows = rows;
        return refreshed;
    }
    const bool canceled = error->sqlerrcode == ERRCODE_QUERY_CANCELED;
    if (canceled && !timed_out)
        ReThrowError(error);
    return read_error(*error, canceled && timed_out);
}

} // namespace ayb
