#pragma once
// PostgreSQL's headers, but for a few that one file alone needs, and the one place where majors 14
// to 18 are made alike.
//
// Everything that includes this file lives by the wall's rules (docs/decisions/001-cpp-wall.md):
// nothing with a non-trivial destructor is alive across a call that can ereport, and no C++
// exception is thrown or allowed to pass.

extern "C" {
#include "postgres.h"

#include "access/detoast.h"
#include "access/genam.h"
#include "access/heapam.h"
#include "access/htup_details.h"
#include "access/table.h"
#include "access/tableam.h"
#include "access/transam.h"
#include "access/twophase.h"
#include "access/xact.h"
#include "access/xlog.h"
#include "catalog/dependency.h"
#include "catalog/index.h"
#include "catalog/indexing.h"
#include "catalog/namespace.h"
#include "catalog/objectaccess.h"
#include "catalog/pg_am.h"
#include "catalog/pg_authid.h"
#include "catalog/pg_collation.h"
#include "catalog/pg_database.h"
#include "catalog/pg_extension.h"
#include "catalog/pg_namespace.h"
#include "catalog/pg_proc.h"
#include "catalog/pg_rewrite.h"
#include "catalog/pg_trigger.h"
#include "catalog/pg_type.h"
#include "commands/async.h"
#include "commands/dbcommands.h"
#include "commands/defrem.h"
#include "commands/discard.h"
#include "commands/extension.h"
#include "commands/prepare.h"
#include "commands/sequence.h"
#include "commands/trigger.h"
#include "common/base64.h"
#include "common/int.h"
#include "executor/executor.h"
#include "executor/spi.h"
#include "fmgr.h"
#include "funcapi.h"
#include "jit/jit.h"
#include "lib/stringinfo.h"
#include "libpq/pqsignal.h"
#include "mb/pg_wchar.h"
#include "miscadmin.h"
#include "nodes/makefuncs.h"
#include "nodes/nodeFuncs.h"
#include "optimizer/cost.h"
#include "optimizer/optimizer.h"
#include "optimizer/tlist.h"
#include "parser/analyze.h"
#include "parser/parse_func.h"
#include "parser/parser.h"
#include "parser/parsetree.h"
#include "pgstat.h"
#include "portability/instr_time.h"
#include "postmaster/bgworker.h"
#include "postmaster/interrupt.h"
#include "rewrite/rewriteSupport.h"
#include "storage/fd.h"
#include "storage/ipc.h"
#include "storage/latch.h"
#include "storage/lmgr.h"
#include "storage/lock.h"
#include "storage/lwlock.h"
#include "storage/proc.h"
#include "storage/procarray.h"
#include "storage/procsignal.h"
#include "storage/shmem.h"
#include "storage/spin.h"
#include "tcop/cmdtag.h"
#include "tcop/pquery.h"
#include "tcop/tcopprot.h"
#include "tcop/utility.h"
#include "utils/acl.h"
#include "utils/array.h"
#include "utils/backend_status.h"
#include "utils/builtins.h"
#include "utils/datum.h"
#include "utils/fmgroids.h"
#include "utils/guc.h"
#include "utils/hsearch.h"
#include "utils/inval.h"
#include "utils/json.h"
#include "utils/jsonb.h"
#include "utils/lsyscache.h"
#include "utils/memutils.h"
#include "utils/portal.h"
#include "utils/ps_status.h"
#include "utils/regproc.h"
#include "utils/rel.h"
#include "utils/rls.h"
#include "utils/snapmgr.h"
#include "utils/syscache.h"
#include "utils/timeout.h"
#include "utils/timestamp.h"
#include "utils/typcache.h"
#include "utils/uuid.h"
#if PG_VERSION_NUM >= 160000
#include "utils/guc_hooks.h"
#endif
#if PG_VERSION_NUM >= 170000
#include "utils/wait_event.h"
#endif
}

// Before 16 these are plain names, and the library is built with hidden visibility.
#if PG_VERSION_NUM < 160000
#undef PGDLLEXPORT
#define PGDLLEXPORT __attribute__((visibility("default")))
#endif

// Begins the definition of a function that SQL calls by the name `name`.
#define AYB_SQL_FUNCTION(name)                                                                     \
    extern "C" {                                                                                   \
    PG_FUNCTION_INFO_V1(name);                                                                     \
    PGDLLEXPORT Datum name(PG_FUNCTION_ARGS);                                                      \
    }                                                                                              \
    Datum name([[maybe_unused]] PG_FUNCTION_ARGS)

namespace ayb {

// Ownership and rights: since 16 one function for objects of every kind.
#if PG_VERSION_NUM >= 160000
#define AYB_OWNS(kind, catalog, object, role) object_ownercheck(catalog, object, role)
#define AYB_MAY(kind, catalog, object, role, right)                                                \
    (object_aclcheck(catalog, object, role, right) == ACLCHECK_OK)
#else
#define AYB_OWNS(kind, catalog, object, role) pg_##kind##_ownercheck(object, role)
#define AYB_MAY(kind, catalog, object, role, right)                                                \
    (pg_##kind##_aclcheck(object, role, right) == ACLCHECK_OK)
#endif

inline bool owns_database(Oid database, Oid role) {
    return AYB_OWNS(database, DatabaseRelationId, database, role);
}
inline bool owns_extension(Oid extension, Oid role) {
    return AYB_OWNS(extension, ExtensionRelationId, extension, role);
}
inline bool owns_schema(Oid schema, Oid role) {
    return AYB_OWNS(namespace, NamespaceRelationId, schema, role);
}
inline bool owns_table(Oid table, Oid role) {
    return AYB_OWNS(class, RelationRelationId, table, role);
}
inline bool may_execute(Oid function, Oid role) {
    return AYB_MAY(proc, ProcedureRelationId, function, role, ACL_EXECUTE);
}
inline bool may_use_schema(Oid schema, Oid role) {
    return AYB_MAY(namespace, NamespaceRelationId, schema, role, ACL_USAGE);
}
inline bool may_connect(Oid database, Oid role) {
    return AYB_MAY(database, DatabaseRelationId, database, role, ACL_CONNECT);
}
inline bool may_create_in(Oid database, Oid role) {
    return AYB_MAY(database, DatabaseRelationId, database, role, ACL_CREATE);
}

#undef AYB_OWNS
#undef AYB_MAY

inline bool may_create_trigger(Oid table, Oid role) {
    return pg_class_aclcheck(table, role, ACL_TRIGGER) == ACLCHECK_OK;
}

// Whether a role may SET ROLE to another one: since 16 a membership may come without that.
inline bool may_become(Oid member, Oid role) {
#if PG_VERSION_NUM >= 160000
    return member_can_set_role(member, role);
#else
    return is_member_of_role(member, role);
#endif
}

// Two steps of a top-level statement whose signatures changed in 15 and 18.
inline List *analyze_statement(RawStmt *statement, const char *sql) {
#if PG_VERSION_NUM >= 150000
    return pg_analyze_and_rewrite_fixedparams(statement, sql, nullptr, 0, nullptr);
#else
    return pg_analyze_and_rewrite(statement, sql, nullptr, 0, nullptr);
#endif
}

inline void run_portal(Portal portal, DestReceiver *receiver, QueryCompletion *completion) {
#if PG_VERSION_NUM >= 180000
    PortalRun(portal, FETCH_ALL, true, receiver, receiver, completion);
#else
    PortalRun(portal, FETCH_ALL, true, true, receiver, receiver, completion);
#endif
}

// Before 16 walkers take a callback without a prototype, which to C++ is one without arguments.
using TreeWalker = bool (*)(Node *node, void *context);
#if PG_VERSION_NUM < 160000
inline auto untyped(TreeWalker walker) {
    return reinterpret_cast<bool (*)()>(reinterpret_cast<void (*)()>(walker));
}
#endif
inline bool walk_expression(Node *node, TreeWalker walker, void *context) {
#if PG_VERSION_NUM >= 160000
    return expression_tree_walker(node, walker, context);
#else
    return expression_tree_walker(node, untyped(walker), context);
#endif
}

inline bool walk_query(Query *query, TreeWalker walker, void *context) {
#if PG_VERSION_NUM >= 160000
    return query_tree_walker(query, walker, context, 0);
#else
    return query_tree_walker(query, untyped(walker), context, 0);
#endif
}

// Which of a query's tables it is a column of, which 14 counts without a sign.
inline int range_number(const Var &var) { return static_cast<int>(var.varno); }

// A timeout that comes again and again, which 14 has only once.
inline void enable_timeout_repeatedly(TimeoutId timeout, int every_ms) {
#if PG_VERSION_NUM >= 150000
    enable_timeout_every(timeout, TimestampTzPlusMilliseconds(GetCurrentTimestamp(), every_ms),
                         every_ms);
#else
    enable_timeout_after(timeout, every_ms);
#endif
}

// An index scan without recording what it finds for EXPLAIN, which 18 has one argument more for.
inline IndexScanDesc begin_index_scan(Relation table, Relation index, Snapshot snapshot, int keys) {
#if PG_VERSION_NUM >= 180000
    return index_beginscan(table, index, snapshot, nullptr, keys, 0);
#else
    return index_beginscan(table, index, snapshot, keys, 0);
#endif
}

// This process' own locks in one partition of the lock table, a list whose kind changed in 16.
#if PG_VERSION_NUM >= 160000
inline bool holds_no_lock(int partition) { return dlist_is_empty(&MyProc->myProcLocks[partition]); }
#else
inline bool holds_no_lock(int partition) { return SHMQueueEmpty(&MyProc->myProcLocks[partition]); }
#endif

// Whether one of them is such a lock. Under the partition's lock.
inline bool any_lock(int partition, bool (*wanted)(const PROCLOCK *lock)) {
#if PG_VERSION_NUM >= 160000
    // By hand: the list's macros compare types by a builtin that C++ doesn't have.
    dlist_node *end = &MyProc->myProcLocks[partition].head;
    for (dlist_node *node = end->next; node != nullptr && node != end; node = node->next) {
        const char *lock = reinterpret_cast<const char *>(node) - offsetof(PROCLOCK, procLink);
        if (wanted(reinterpret_cast<const PROCLOCK *>(lock)))
            return true;
    }
    return false;
#else
    SHM_QUEUE *list = &MyProc->myProcLocks[partition];
    auto *lock =
        reinterpret_cast<PROCLOCK *>(SHMQueueNext(list, list, offsetof(PROCLOCK, procLink)));
    while (lock != nullptr && !wanted(lock))
        lock = reinterpret_cast<PROCLOCK *>(
            SHMQueueNext(list, &lock->procLink, offsetof(PROCLOCK, procLink)));
    return lock != nullptr;
#endif
}

// The entries of a new row in all indexes of its table.
inline void insert_index_entries(ResultRelInfo *table, TupleTableSlot *row, EState *state) {
    if (table->ri_NumIndices == 0)
        return;
#if PG_VERSION_NUM >= 160000
    List *rechecks = ExecInsertIndexTuples(table, row, state, false, false, nullptr, NIL, false);
#else
    List *rechecks = ExecInsertIndexTuples(table, row, state, false, false, nullptr, NIL);
#endif
    list_free(rechecks);
}

// Bytes in base64 and back; less than 0 where that can't be. Since 18 bytes are unsigned.
#if PG_VERSION_NUM >= 180000
inline int to_base64(const uint8 *bytes, int length, char *text, int room) {
    return pg_b64_encode(bytes, length, text, room);
}
inline int from_base64(const char *text, int length, uint8 *bytes, int room) {
    return pg_b64_decode(text, length, bytes, room);
}
#else
inline int to_base64(const uint8 *bytes, int length, char *text, int room) {
    return pg_b64_encode(reinterpret_cast<const char *>(bytes), length, text, room);
}
inline int from_base64(const char *text, int length, uint8 *bytes, int room) {
    return pg_b64_decode(text, length, reinterpret_cast<char *>(bytes), room);
}
#endif

// Names in `schema.name` form, whose parser can be told since 16 where to leave an error.
inline List *parse_qualified_name(const char *name) {
#if PG_VERSION_NUM >= 160000
    return stringToQualifiedNameList(name, nullptr);
#else
    return stringToQualifiedNameList(name);
#endif
}

// Whether rows are held to it: since 18 a constraint may be NOT ENFORCED.
inline bool is_enforced([[maybe_unused]] const ConstrCheck &check) {
#if PG_VERSION_NUM >= 180000
    return check.ccenforced;
#else
    return true;
#endif
}

// Has `request` ask for shared memory, and gives back who else wants to be called then. 14 has no
// hook for it: a library asks while it is loaded.
#if PG_VERSION_NUM >= 150000
using RequestHook = shmem_request_hook_type;
inline RequestHook set_request_hook(RequestHook request) {
    RequestHook previous = shmem_request_hook;
    shmem_request_hook = request;
    return previous;
}
#else
using RequestHook = void (*)();
inline RequestHook set_request_hook(RequestHook request) {
    request();
    return nullptr;
}
#endif

// Warns of settings that begin with `prefix` and are none of ours.
inline void reserve_settings(const char *prefix) {
#if PG_VERSION_NUM >= 150000
    MarkGUCPrefixReserved(prefix);
#else
    EmitWarningsOnPlaceholders(prefix);
#endif
}

// What pg_stat_activity calls a sleep: before 17 an extension has one name for all of its own.
inline uint32 new_wait_event([[maybe_unused]] const char *name) {
#if PG_VERSION_NUM >= 170000
    return WaitEventExtensionNew(name);
#else
    return PG_WAIT_EXTENSION;
#endif
}

// Makes a set-returning function fill a tuplestore, for rows and for single values alike.
inline ReturnSetInfo *begin_set(FunctionCallInfo fcinfo) {
    auto *result = reinterpret_cast<ReturnSetInfo *>(fcinfo->resultinfo);
    if (result == nullptr || !IsA(result, ReturnSetInfo) ||
        (result->allowedModes & SFRM_Materialize) == 0 || result->expectedDesc == nullptr)
        ereport(ERROR, (errcode(ERRCODE_FEATURE_NOT_SUPPORTED),
                        errmsg("set-valued function called in context that cannot accept a set")));
    MemoryContext before = MemoryContextSwitchTo(result->econtext->ecxt_per_query_memory);
    result->returnMode = SFRM_Materialize;
    result->setResult = tuplestore_begin_heap(true, false, work_mem);
    result->setDesc = CreateTupleDescCopy(result->expectedDesc);
    MemoryContextSwitchTo(before);
    return result;
}

} // namespace ayb
