#include "realtime/notes.hpp"

#include "pg/subtransaction_log.hpp"

extern "C" {
#include "replication/logicalworker.h"
}

namespace ayb {

namespace {

constexpr int kMostUnheard = 64;

struct NotedRow {
    SubTransactionId subid;
    Oid table;
    int feed;
    FeedEvent event;
    const char *bytes;
};

struct NotedResync {
    SubTransactionId subid;
    Oid table;
    Resync why;

    bool same(const NotedResync &other) const { return table == other.table; }
    void absorb(const NotedResync & /*child*/) {}
};

struct Notes {
    SubtransactionLog<NotedRow> rows;
    SubtransactionLog<NotedResync> resyncs;
    uint64 bytes;
    bool over; // there were too many: rows are noted no more, but their tables
    Oid unheard[kMostUnheard];
    int unheard_count;
    bool unheard_more;
    bool definitions;
    bool functions;
};

Notes g_notes;
bool g_prepares; // this process applies transactions that were prepared
ProcessUtility_hook_type g_previous;

bool any_notes() {
    return g_notes.rows.count > 0 || g_notes.resyncs.count > 0 || g_notes.unheard_count > 0 ||
           g_notes.unheard_more;
}

// Each table's events are one resync instead.
void give_up() {
    for (int i = 0; i < g_notes.rows.count; i++)
        note_resync(g_notes.rows.entries[i].table, Resync::overflow);
    g_notes.rows.count = 0;
    g_notes.over = true;
}

void publish() {
    begin_publishing();
    for (int i = 0; i < g_notes.unheard_count; i++)
        publish_resync({MyDatabaseId, g_notes.unheard[i]}, Resync::lost);
    if (g_notes.unheard_more)
        publish_resync_of_all(Resync::lost);
    const TimestampTz now = GetCurrentTimestamp();
    for (NotedRow &row : g_notes.rows) {
        row.event.at = now;
        publish_event({MyDatabaseId, row.table}, row.feed, row.event, row.bytes);
    }
    // After the rows: what they say is void.
    for (const NotedResync &resync : g_notes.resyncs)
        publish_resync({MyDatabaseId, resync.table}, resync.why);
    end_publishing();
}

void tell_of_all(Resync why) {
    begin_publishing();
    publish_resync_of_all(why);
    end_publishing();
}

// Which function of a policy's functions it was, and what else those look at, nobody can say.
void tell_who_asks() {
    begin_publishing();
    publish_resync_of_asking();
    end_publishing();
}

void on_transaction(XactEvent event, void * /*argument*/) {
    switch (event) {
    case XACT_EVENT_COMMIT:
        if (!preloaded())
            break;
        if (any_notes())
            publish();
        if (g_notes.functions)
            tell_who_asks();
        if (g_notes.definitions)
            touch_listeners();
        // Replication commits what is prepared without a statement, in a transaction without an id.
        if (g_prepares && !TransactionIdIsValid(GetTopTransactionIdIfAny()))
            tell_of_all(Resync::prepared);
        break;
    case XACT_EVENT_PREPARE:
        g_prepares = g_prepares || (IsLogicalWorker() && any_notes());
        break;
    case XACT_EVENT_ABORT:
        break;
    default:
        return; // the transaction is not over
    }
    g_notes = Notes{};
}

void on_subtransaction(SubXactEvent event, SubTransactionId subid, SubTransactionId parent,
                       void * /*argument*/) {
    if (event == SUBXACT_EVENT_COMMIT_SUB)
        g_notes.resyncs.merge_into_parent(subid, parent);
    if (event != SUBXACT_EVENT_ABORT_SUB)
        return;
    g_notes.rows.forget_from(subid);
    g_notes.resyncs.forget_from(subid);
}

// Whether it may change what is listened to, or who may see it.
bool may_define(Node *statement) {
    switch (nodeTag(statement)) {
    case T_AlterTableStmt:
    case T_AlterTableMoveAllStmt:
    case T_AlterObjectSchemaStmt:
    case T_AlterOwnerStmt:
    case T_AlterPolicyStmt:
    case T_AlterRoleStmt:
    case T_CreatePolicyStmt:
    case T_CreateStmt:
    case T_DropOwnedStmt:
    case T_DropRoleStmt:
    case T_DropStmt:
    case T_GrantRoleStmt:
    case T_GrantStmt:
    case T_ReassignOwnedStmt:
    case T_RenameStmt:
    case T_TruncateStmt:
        return true;
    default:
        return false;
    }
}

bool is_function(ObjectType type) {
    return type == OBJECT_FUNCTION || type == OBJECT_ROUTINE || type == OBJECT_PROCEDURE;
}

// Whether it may have a function do something else.
bool may_change_function(Node *statement) {
    switch (nodeTag(statement)) {
    case T_AlterFunctionStmt:
        return true;
    case T_CreateFunctionStmt:
        return reinterpret_cast<CreateFunctionStmt *>(statement)->replace;
    case T_AlterOwnerStmt: // a definer's
        return is_function(reinterpret_cast<AlterOwnerStmt *>(statement)->objectType);
    case T_RenameStmt:
        return is_function(reinterpret_cast<RenameStmt *>(statement)->renameType);
    case T_AlterObjectSchemaStmt:
        return is_function(reinterpret_cast<AlterObjectSchemaStmt *>(statement)->objectType);
    case T_DropStmt:
        return is_function(reinterpret_cast<DropStmt *>(statement)->removeType);
    default:
        return false;
    }
}

bool commits_prepared(Node *statement) {
    return IsA(statement, TransactionStmt) &&
           reinterpret_cast<TransactionStmt *>(statement)->kind == TRANS_STMT_COMMIT_PREPARED;
}

ProcessUtility_hook_type next() {
    return g_previous != nullptr ? g_previous : standard_ProcessUtility;
}

void on_utility(PlannedStmt *planned, const char *text, bool read_only,
                ProcessUtilityContext context, ParamListInfo parameters,
                QueryEnvironment *environment, DestReceiver *receiver,
                QueryCompletion *completion) {
    if (may_define(planned->utilityStmt))
        g_notes.definitions = true;
    if (may_change_function(planned->utilityStmt))
        g_notes.functions = true;
    if (!commits_prepared(planned->utilityStmt)) {
        next()(planned, text, read_only, context, parameters, environment, receiver, completion);
        return;
    }
    PG_TRY();
    { next()(planned, text, read_only, context, parameters, environment, receiver, completion); }
    PG_FINALLY();
    { tell_of_all(Resync::prepared); } // even if somebody raised after the commit
    PG_END_TRY();
}

} // namespace

void note_unheard(Oid table) {
    for (int i = g_notes.unheard_count - 1; i >= 0; i--)
        if (g_notes.unheard[i] == table)
            return;
    if (g_notes.unheard_count < kMostUnheard)
        g_notes.unheard[g_notes.unheard_count++] = table;
    else
        g_notes.unheard_more = true;
}

void note_unknown_table() { g_notes.unheard_more = true; }

void note_resync(Oid table, Resync why) {
    NotedResync resync{};
    resync.table = table;
    resync.why = why;
    g_notes.resyncs.find_or_add(resync);
}

void note_row(Oid table, int feed, const FeedEvent &event, const char *bytes) {
    g_notes.bytes += event.bytes() + sizeof(event);
    if (!g_notes.over && (g_notes.rows.count == kMostNoted || g_notes.bytes > most_feed_bytes()))
        give_up();
    if (g_notes.over) {
        note_resync(table, Resync::overflow);
        return;
    }
    NotedRow row{};
    row.table = table;
    row.feed = feed;
    row.event = event;
    auto *copy =
        static_cast<char *>(MemoryContextAlloc(TopTransactionContext, Max(event.bytes(), 1)));
    memcpy(copy, bytes, event.bytes());
    row.bytes = copy;
    g_notes.rows.add(row);
}

void install_realtime_callbacks() {
    RegisterXactCallback(on_transaction, nullptr);
    RegisterSubXactCallback(on_subtransaction, nullptr);
    install_published_callbacks();
}

void install_realtime_hook() {
    g_previous = ProcessUtility_hook;
    ProcessUtility_hook = on_utility;
}

} // namespace ayb
