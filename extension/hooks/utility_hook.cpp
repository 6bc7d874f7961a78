#include "hooks/utility_hook.hpp"

#include "hooks/changes.hpp"
#include "memory/databases.hpp"
#include "memory/holds.hpp"
#include "memory/my_slot.hpp"
#include "pg/extension.hpp"
#include "pg/traces.hpp"
#include "pg/tuples.hpp"
#include "records/sources.hpp"
#include "waiters/waiters.hpp"

namespace ayb {

namespace {

ProcessUtility_hook_type g_previous;
bool g_restoring;
bool g_copying; // a COPY ... FROM is on its way

constexpr const char *kExtension = "ayb_jobs";

bool is_our_extension(const char *name) { return name != nullptr && strcmp(name, kExtension) == 0; }

bool drops_our_extension(const DropStmt *statement) {
    if (statement->removeType != OBJECT_EXTENSION)
        return false;
    ListCell *cell;
    foreach (cell, statement->objects)
        if (is_our_extension(strVal(lfirst(cell))))
            return true;
    return false;
}

const char *template_of(const CreatedbStmt *statement) {
    ListCell *cell;
    foreach (cell, statement->options) {
        auto *option = lfirst_node(DefElem, cell);
        if (strcmp(option->defname, "template") == 0 && option->arg != nullptr)
            return defGetString(option);
    }
    return nullptr; // template1, where nothing of ours runs
}

// Only a move to another tablespace needs the database empty.
const char *moved_database(const AlterDatabaseStmt *statement) {
    ListCell *cell;
    foreach (cell, statement->options)
        if (strcmp(lfirst_node(DefElem, cell)->defname, "tablespace") == 0)
            return statement->dbname;
    return nullptr;
}

// The database that the statement needs for itself; null for none.
const char *database_of(Node *statement) {
    switch (nodeTag(statement)) {
    case T_DropdbStmt:
        return reinterpret_cast<DropdbStmt *>(statement)->dbname;
    case T_CreatedbStmt:
        return template_of(reinterpret_cast<CreatedbStmt *>(statement));
    case T_AlterDatabaseStmt:
        return moved_database(reinterpret_cast<AlterDatabaseStmt *>(statement));
    case T_RenameStmt: {
        const auto *rename = reinterpret_cast<RenameStmt *>(statement);
        return rename->renameType == OBJECT_DATABASE ? rename->subname : nullptr;
    }
    default:
        return nullptr;
    }
}

bool may_have_database(Node *statement, Oid database, Oid role) {
    if (superuser_arg(role) || owns_database(database, role))
        return true;
    if (!IsA(statement, CreatedbStmt))
        return false;
    return catalog_field(DATABASEOID, database, &FormData_pg_database::datistemplate, false);
}

bool names_our_extension(Node *statement) {
    if (IsA(statement, DropStmt))
        return drops_our_extension(reinterpret_cast<DropStmt *>(statement));
    return IsA(statement, AlterExtensionStmt) &&
           is_our_extension(reinterpret_cast<AlterExtensionStmt *>(statement)->extname);
}

// The schema in which the extension was created: dropped by its owner, it takes the extension
// along.
bool drops_home(const DropStmt *statement, Oid role) {
    if (statement->removeType != OBJECT_SCHEMA || statement->behavior != DROP_CASCADE)
        return false;
    const Oid home = extension_schema();
    ListCell *cell;
    foreach (cell, statement->objects)
        if (get_namespace_oid(strVal(lfirst(cell)), true) == home)
            return owns_schema(home, role);
    return false;
}

bool drops_owned_by_owner(const DropOwnedStmt *statement, Oid role) {
    const Oid owner = extension_owner();
    ListCell *cell;
    foreach (cell, statement->roles)
        if (get_rolespec_oid(lfirst_node(RoleSpec, cell), true) == owner)
            return has_privs_of_role(role, owner);
    return false;
}

// Whether the statement changes or drops the extension, and the role may do that.
bool changes_our_extension(Node *statement, Oid extension, Oid role) {
    if (names_our_extension(statement))
        return owns_extension(extension, role);
    if (IsA(statement, DropStmt))
        return drops_home(reinterpret_cast<DropStmt *>(statement), role);
    return IsA(statement, DropOwnedStmt) &&
           drops_owned_by_owner(reinterpret_cast<DropOwnedStmt *>(statement), role);
}

// Only these are looked at further: every other statement must not pay for a look at the catalog.
bool may_change_an_extension(Node *statement) {
    switch (nodeTag(statement)) {
    case T_DropStmt: {
        const ObjectType type = reinterpret_cast<DropStmt *>(statement)->removeType;
        return type == OBJECT_EXTENSION || type == OBJECT_SCHEMA;
    }
    case T_AlterExtensionStmt:
    case T_DropOwnedStmt:
        return true;
    default:
        return false;
    }
}

// Its completion could not be written any more, and the others can't leave while it waits for them.
void refuse_in_job() {
    if (in_job())
        ereport(ERROR, (errcode(ERRCODE_OBJECT_NOT_IN_PREREQUISITE_STATE),
                        errmsg("a job of ayb_jobs can't change or drop the extension"),
                        errhint("Run the statement in a session of its own.")));
}

// The database to be cleared of our processes before the statement; InvalidOid for none. Who hasn't
// the right to the statement must not be able to stop anybody's jobs with it.
Oid database_to_hold(Node *statement) {
    const Oid me = GetUserId();
    if (const char *name = database_of(statement)) {
        const Oid database = get_database_oid(name, true);
        if (database == MyDatabaseId && !IsA(statement, CreatedbStmt))
            return InvalidOid; // PostgreSQL refuses it
        return OidIsValid(database) && may_have_database(statement, database, me) ? database
                                                                                  : InvalidOid;
    }
    if (!may_change_an_extension(statement))
        return InvalidOid;
    const Oid extension = get_extension_oid(kExtension, true);
    if (!OidIsValid(extension) || !changes_our_extension(statement, extension, me))
        return InvalidOid;
    refuse_in_job();
    return MyDatabaseId;
}

void hold_if_needed(Node *statement) {
    if (!preloaded() || !IsTransactionState())
        return;
    const Oid database = database_to_hold(statement);
    if (!OidIsValid(database))
        return;
    // What is taken is noted: if the wait is interrupted, the hold ends with the transaction.
    if (can_note_hold(database)) {
        if (!take_hold(database))
            return;
        note_hold(database);
        touch_waiters(database);
    }
    wait_for_hold(database);
}

bool creates_our_extension(Node *statement) {
    return IsA(statement, CreateExtensionStmt) &&
           is_our_extension(reinterpret_cast<CreateExtensionStmt *>(statement)->extname);
}

bool commits_prepared(Node *statement) {
    return IsA(statement, TransactionStmt) &&
           reinterpret_cast<TransactionStmt *>(statement)->kind == TRANS_STMT_COMMIT_PREPARED;
}

// Lets the triggers fire again that tell of jobs and schedules. What was written without them (by a
// restore, say) nobody has heard of; the statement waits for those that still write.
bool enables_triggers(Node *statement) {
    if (!IsA(statement, AlterTableStmt))
        return false;
    const auto *change = reinterpret_cast<AlterTableStmt *>(statement);
    if (strcmp(change->relation->relname, "job_queue") != 0 &&
        strcmp(change->relation->relname, "schedules") != 0)
        return false;
    ListCell *cell;
    foreach (cell, change->cmds) {
        const AlterTableType what = lfirst_node(AlterTableCmd, cell)->subtype;
        if (what == AT_EnableTrig || what == AT_EnableAlwaysTrig || what == AT_EnableReplicaTrig ||
            what == AT_EnableTrigAll || what == AT_EnableTrigUser)
            return true;
    }
    return false;
}

bool leaves_trace(Node *statement) {
    switch (nodeTag(statement)) {
    case T_PrepareStmt:
    case T_DeclareCursorStmt:
    case T_ConstraintsSetStmt:
    case T_LoadStmt:
        return true;
    default:
        return false;
    }
}

void on_utility(PlannedStmt *planned, const char *text, bool read_only,
                ProcessUtilityContext context, ParamListInfo parameters,
                QueryEnvironment *environment, DestReceiver *receiver,
                QueryCompletion *completion) {
    Node *statement = planned->utilityStmt;
    if (creates_our_extension(statement))
        g_restoring = !check_function_bodies || !row_security;
    hold_if_needed(statement);
    if (leaves_trace(statement))
        note_trace();
    const bool unknown = commits_prepared(statement);
    const bool copying = g_copying;
    g_copying =
        copying || (IsA(statement, CopyStmt) && reinterpret_cast<CopyStmt *>(statement)->is_from);
    PG_TRY();
    {
        const ProcessUtility_hook_type next =
            g_previous != nullptr ? g_previous : standard_ProcessUtility;
        next(planned, text, read_only, context, parameters, environment, receiver, completion);
    }
    PG_FINALLY();
    {
        g_copying = copying;
        if (unknown) // even if somebody raised after the commit
            wake_for_unknown();
    }
    PG_END_TRY();
    if (IsA(statement, AlterExtensionStmt) && names_our_extension(statement))
        announce_extension_change();
    if (IsA(statement, AlterDatabaseStmt))
        note_probe(); // it may be a template no more
    if (enables_triggers(statement))
        note_unknown();
    if (IsA(statement, RefreshMatViewStmt))
        note_source(RangeVarGetRelid(reinterpret_cast<RefreshMatViewStmt *>(statement)->relation,
                                     NoLock, true));
}

} // namespace

void install_utility_hook() {
    g_previous = ProcessUtility_hook;
    ProcessUtility_hook = on_utility;
}

// Without the hook (not preloaded) the second setting alone has to tell.
bool restoring() { return g_restoring || !row_security; }

// enqueue() writes as the owner; who copies into, or restores, or replicates the table doesn't.
bool rows_are_brought() {
    return (g_copying || !row_security ||
            SessionReplicationRole == SESSION_REPLICATION_ROLE_REPLICA) &&
           !InLocalUserIdChange();
}

} // namespace ayb
