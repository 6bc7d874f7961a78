#include "handlers/command.hpp"

namespace ayb {

namespace {

[[noreturn]] void refuse(const char *what, const char *hint) {
    ereport(ERROR, (errcode(ERRCODE_FEATURE_NOT_SUPPORTED),
                    errmsg("%s can't be a job's command", what), errhint("%s", hint)));
    pg_unreachable();
}

RawStmt *parse_one(const char *sql) {
    List *statements = pg_parse_query(sql);
    if (list_length(statements) != 1)
        ereport(ERROR, (errcode(ERRCODE_SYNTAX_ERROR),
                        errmsg("a command must be one statement, not %d", list_length(statements)),
                        errhint("Put several into a function, or into a procedure and CALL it.")));
    auto *statement = linitial_node(RawStmt, statements);
    if (IsA(statement->stmt, TransactionStmt))
        refuse("transaction control",
               "To commit in between, put the statements into a procedure and CALL it.");
    if (IsA(statement->stmt, CopyStmt) &&
        reinterpret_cast<CopyStmt *>(statement->stmt)->filename == nullptr)
        refuse("COPY from or to a client", "A worker has no client: COPY from or to a file.");
    return statement;
}

List *plan(RawStmt *statement, const char *sql) {
    const bool snapshot = analyze_requires_snapshot(statement);
    if (snapshot)
        PushActiveSnapshot(GetTransactionSnapshot());
    List *queries = analyze_statement(statement, sql);
    List *plans = pg_plan_queries(queries, sql, CURSOR_OPT_PARALLEL_OK, nullptr);
    if (snapshot)
        PopActiveSnapshot();
    return plans;
}

} // namespace

void check_statement(const char *sql) { parse_one(sql); }

const char *run_top_level(const char *sql, MemoryContext context) {
    MemoryContext before = CurrentMemoryContext; // not the transaction's, which will be gone
    StartTransactionCommand();
    // A parse tree in the transaction's memory would be gone when VACUUM begins its own.
    MemoryContextSwitchTo(context);
    RawStmt *statement = parse_one(sql);
    const CommandTag tag = CreateCommandTag(statement->stmt);
    List *plans = plan(statement, sql);

    Portal portal = CreatePortal("", true, true);
    portal->visible = false;
    PortalDefineQuery(portal, nullptr, sql, tag, plans, nullptr);
    PortalStart(portal, nullptr, 0, InvalidSnapshot);
    DestReceiver *receiver = CreateDestReceiver(DestNone);
    QueryCompletion completion;
    run_portal(portal, receiver, &completion);
    receiver->rDestroy(receiver);
    PortalDrop(portal, false);
    CommitTransactionCommand();

    MemoryContextSwitchTo(context);
    const char *name = GetCommandTagName(completion.commandTag);
    const char *text = command_tag_display_rowcount(completion.commandTag)
                           ? psprintf("%s " UINT64_FORMAT, name, completion.nprocessed)
                           : pstrdup(name);
    MemoryContextSwitchTo(before);
    return text;
}

} // namespace ayb

using namespace ayb;

// check_command(command) → void
AYB_SQL_FUNCTION(ayb_jobs_check_command) {
    check_statement(text_to_cstring(PG_GETARG_TEXT_PP(0)));
    PG_RETURN_VOID();
}
