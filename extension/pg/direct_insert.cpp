#include "pg/direct_insert.hpp"

#include "pg/extension.hpp"

namespace ayb {

struct PreparedChecks {
    EState *estate;
    int check_count;
    const char **check_names;
    ExprState **checks;
    int index_count;
    Oid *indexes;
    IndexInfo **infos; // each with its condition prepared
};

namespace {

DirectTable *g_tables;

void on_invalidation(Datum /*argument*/, Oid relation) {
    for (DirectTable *table = g_tables; table != nullptr; table = table->next) {
        bool mine = relation == InvalidOid || relation == table->oid;
        for (int i = 0; table->prepared != nullptr && i < table->prepared->index_count; i++)
            mine = mine || relation == table->prepared->indexes[i];
        if (mine)
            table->valid = false;
    }
}

bool is_users(Oid function, void * /*context*/) { return function >= FirstNormalObjectId; }

// What PostgreSQL brings needs neither a role nor a search_path of its own.
bool calls_users_code(Node *node, void *context) {
    if (node == nullptr)
        return false;
    return check_functions_in_node(node, is_users, context) ||
           walk_expression(node, calls_users_code, context);
}

bool is_expected(const FormData_pg_attribute *column, const DirectColumn &expected) {
    return !column->attisdropped && column->atttypid == expected.type && column->atttypmod == -1 &&
           column->attgenerated == '\0' && column->attidentity == '\0' &&
           strcmp(NameStr(column->attname), expected.name) == 0;
}

bool has_expected_columns(const DirectTable &table, TupleDesc shape) {
    if (shape->natts != table.count)
        return false;
    for (int i = 0; i < shape->natts; i++)
        if (!is_expected(TupleDescAttr(shape, i), table.columns[i]))
            return false;
    return true;
}

bool is_known(const DirectTable &table, const Trigger &trigger) {
    for (const char *const *known = table.triggers; *known != nullptr; known++)
        if (strcmp(trigger.tgname, *known) == 0)
            return get_func_namespace(trigger.tgfoid) == get_namespace_oid("ayb_jobs", true);
    return false;
}

bool has_other_triggers(const DirectTable &table, const TriggerDesc *triggers) {
    for (int i = 0; triggers != nullptr && i < triggers->numtriggers; i++) {
        const Trigger &trigger = triggers->triggers[i];
        const bool meets = TRIGGER_FOR_INSERT(trigger.tgtype) &&
                           RI_FKey_trigger_type(trigger.tgfoid) != RI_TRIGGER_FK;
        if (meets && !is_known(table, trigger))
            return true;
    }
    return false;
}

bool has_other_foreign_keys(const DirectTable &table, Relation relation) {
    ListCell *cell;
    foreach (cell, RelationGetFKeyList(relation)) {
        const auto *key = static_cast<ForeignKeyCacheInfo *>(lfirst(cell));
        if (key->nkeys != 1 || table.columns[key->conkey[0] - 1].filled)
            return true;
    }
    return false;
}

bool is_plain(const DirectTable &table, Relation relation) {
    return relation->rd_rel->relkind == RELKIND_RELATION && relation->rd_rules == nullptr &&
           !relation->rd_rel->relforcerowsecurity && !relation->rd_rel->relispartition &&
           has_expected_columns(table, RelationGetDescr(relation)) &&
           !has_other_triggers(table, relation->trigdesc) &&
           !has_other_foreign_keys(table, relation);
}

bool prepare_checks(PreparedChecks *prepared, const TupleConstr *constraints) {
    const int count = constraints == nullptr ? 0 : constraints->num_check;
    prepared->checks = static_cast<ExprState **>(palloc0((count + 1) * sizeof(ExprState *)));
    prepared->check_names = static_cast<const char **>(palloc0((count + 1) * sizeof(char *)));
    for (int i = 0; i < count; i++) {
        const ConstrCheck &check = constraints->check[i];
        if (!is_enforced(check))
            continue;
        auto *condition = static_cast<Expr *>(stringToNode(check.ccbin));
        if (calls_users_code(reinterpret_cast<Node *>(condition), nullptr))
            return false;
        prepared->check_names[prepared->check_count] = pstrdup(check.ccname);
        prepared->checks[prepared->check_count++] = ExecPrepareExpr(condition, prepared->estate);
    }
    return true;
}

bool prepare_index(PreparedChecks *prepared, Oid oid) {
    Relation index = index_open(oid, RowExclusiveLock);
    IndexInfo *info = BuildIndexInfo(index);
    const bool immediate = index->rd_index->indimmediate;
    index_close(index, RowExclusiveLock);
    if (!info->ii_ReadyForInserts)
        return true;
    if (info->ii_Am != BTREE_AM_OID || info->ii_ExclusionOps != nullptr || !immediate ||
        calls_users_code(reinterpret_cast<Node *>(info->ii_Expressions), nullptr) ||
        calls_users_code(reinterpret_cast<Node *>(info->ii_Predicate), nullptr))
        return false;
    info->ii_PredicateState = ExecPrepareQual(info->ii_Predicate, prepared->estate);
    prepared->indexes[prepared->index_count] = oid;
    prepared->infos[prepared->index_count++] = info;
    return true;
}

bool prepare_indexes(PreparedChecks *prepared, Relation relation) {
    List *indexes = RelationGetIndexList(relation);
    const int room = list_length(indexes) + 1;
    prepared->indexes = static_cast<Oid *>(palloc0(room * sizeof(Oid)));
    prepared->infos = static_cast<IndexInfo **>(palloc0(room * sizeof(IndexInfo *)));
    ListCell *cell;
    foreach (cell, indexes)
        if (!prepare_index(prepared, lfirst_oid(cell)))
            return false;
    return true;
}

// Valid before, not after: what is invalidated in the midst of it is prepared again the next time.
void prepare(DirectTable *table, Relation relation) {
    table->prepared = nullptr;
    if (table->memory == nullptr)
        table->memory =
            AllocSetContextCreate(TopMemoryContext, "ayb_jobs checks", ALLOCSET_DEFAULT_SIZES);
    MemoryContextReset(table->memory);
    table->valid = true;
    MemoryContext before = MemoryContextSwitchTo(table->memory);
    auto *prepared = static_cast<PreparedChecks *>(palloc0(sizeof(PreparedChecks)));
    prepared->estate = CreateExecutorState();
    if (is_plain(*table, relation) &&
        prepare_checks(prepared, RelationGetDescr(relation)->constr) &&
        prepare_indexes(prepared, relation))
        table->prepared = prepared;
    MemoryContextSwitchTo(before);
}

// The table, locked, as it is now.
Relation open_prepared(DirectTable *table) {
    if (!table->valid)
        table->oid = extension_table(table->name);
    Relation relation = table_open(table->oid, RowExclusiveLock);
    if (!table->valid)
        prepare(table, relation);
    return relation;
}

void register_table(DirectTable *table) {
    for (const DirectTable *known = g_tables; known != nullptr; known = known->next)
        if (known == table)
            return;
    table->next = g_tables;
    g_tables = table;
}

void check_row(const DirectRows &rows, ExprContext *context) {
    TupleDesc shape = RelationGetDescr(rows.relation);
    for (int i = 0; i < shape->natts; i++)
        if (TupleDescAttr(shape, i)->attnotnull && rows.slot->tts_isnull[i])
            ereport(ERROR, (errcode(ERRCODE_NOT_NULL_VIOLATION),
                            errmsg("column \"%s\" of relation \"%s\" must not be null",
                                   rows.table->columns[i].name, rows.table->name),
                            errtablecol(rows.relation, i + 1)));
    for (int i = 0; i < rows.prepared->check_count; i++)
        if (!ExecCheck(rows.prepared->checks[i], context))
            ereport(ERROR, (errcode(ERRCODE_CHECK_VIOLATION),
                            errmsg("new row for relation \"%s\" violates check constraint \"%s\"",
                                   rows.table->name, rows.prepared->check_names[i]),
                            errtableconstraint(rows.relation, rows.prepared->check_names[i])));
}

// An index whose condition leaves all rows out is not even opened.
void enter_into_index(const DirectRows &rows, int number, ExprContext *context) {
    IndexInfo *info = rows.prepared->infos[number];
    if (!ExecQual(info->ii_PredicateState, context))
        return;
    Relation &index = rows.indexes[number];
    if (index == nullptr)
        index = index_open(rows.prepared->indexes[number], RowExclusiveLock);
    Datum values[INDEX_MAX_KEYS];
    bool nulls[INDEX_MAX_KEYS];
    FormIndexDatum(info, rows.slot, rows.prepared->estate, values, nulls);
    index_insert(index, values, nulls, &rows.slot->tts_tid, rows.relation,
                 info->ii_Unique ? UNIQUE_CHECK_YES : UNIQUE_CHECK_NO, false, info);
}

} // namespace

bool open_direct(DirectTable *table, DirectRows *rows) {
    require_extension();
    PreventCommandIfReadOnly("INSERT");
    PreventCommandIfParallelMode("INSERT");
    register_table(table);
    Relation relation = open_prepared(table);
    if (table->prepared == nullptr) {
        table_close(relation, RowExclusiveLock);
        return false;
    }
    *rows =
        DirectRows{table, table->prepared, relation, nullptr, nullptr, GetCurrentCommandId(true)};
    rows->indexes =
        static_cast<Relation *>(palloc0(table->prepared->index_count * sizeof(Relation) + 1));
    rows->slot = MakeSingleTupleTableSlot(RelationGetDescr(relation), &TTSOpsVirtual);
    rows->slot->tts_tableOid = RelationGetRelid(relation);
    return true;
}

void insert_direct(DirectRows *rows, const Datum *values, const bool *nulls) {
    TupleTableSlot *slot = rows->slot;
    ExecClearTuple(slot);
    memcpy(slot->tts_values, values, rows->table->count * sizeof(Datum));
    memcpy(slot->tts_isnull, nulls, rows->table->count * sizeof(bool));
    ExecStoreVirtualTuple(slot);

    ExprContext *context = GetPerTupleExprContext(rows->prepared->estate);
    ResetExprContext(context);
    context->ecxt_scantuple = slot;
    MemoryContext before = MemoryContextSwitchTo(context->ecxt_per_tuple_memory);
    check_row(*rows, context);
    table_tuple_insert(rows->relation, slot, rows->command, 0, nullptr);
    for (int i = 0; i < rows->prepared->index_count; i++)
        enter_into_index(*rows, i, context);
    MemoryContextSwitchTo(before);
}

void close_direct(DirectRows *rows) {
    for (int i = 0; i < rows->prepared->index_count; i++)
        if (rows->indexes[i] != nullptr)
            index_close(rows->indexes[i], RowExclusiveLock);
    pfree(rows->indexes);
    ExecDropSingleTupleTableSlot(rows->slot);
    table_close(rows->relation, NoLock); // the lock is held to the end of the transaction
    CommandCounterIncrement();
}

void install_direct_callbacks() { CacheRegisterRelcacheCallback(on_invalidation, 0); }

} // namespace ayb
