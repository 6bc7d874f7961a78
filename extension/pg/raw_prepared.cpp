#include "pg/raw_prepared.hpp"

#include "pg/relation.hpp"
#include "pg/users_code.hpp"

namespace ayb {

namespace {

bool is_expected(const FormData_pg_attribute *column, const RawColumn &expected) {
    return !column->attisdropped && column->atttypid == expected.type && column->atttypmod == -1 &&
           (column->attgenerated != '\0') == (expected.filled == RawFilled::generated) &&
           column->attidentity == '\0' && strcmp(NameStr(column->attname), expected.name) == 0;
}

bool has_expected_columns(const RawTable &table, TupleDesc shape) {
    if (shape->natts != table.count)
        return false;
    for (int i = 0; i < shape->natts; i++)
        if (!is_expected(TupleDescAttr(shape, i), table.columns[i]))
            return false;
    return true;
}

bool is_known(const RawTable &table, const Trigger &trigger) {
    for (const char *const *known = table.triggers; *known != nullptr; known++)
        if (strcmp(trigger.tgname, *known) == 0)
            return get_func_namespace(trigger.tgfoid) ==
                   get_namespace_oid("ayb_jobs_internal", true);
    return false;
}

// Foreign keys of the table itself are looked at apart.
bool has_other_triggers(const RawTable &table, Relation relation, int16 event) {
    const TriggerDesc *triggers = triggers_of(relation);
    for (int i = 0; triggers != nullptr && i < triggers->numtriggers; i++) {
        const Trigger &trigger = triggers->triggers[i];
        const bool meets =
            (trigger.tgtype & event) != 0 && RI_FKey_trigger_type(trigger.tgfoid) != RI_TRIGGER_FK;
        if (meets && !is_known(table, trigger))
            return true;
    }
    return false;
}

bool has_other_foreign_keys(const RawTable &table, Relation relation) {
    ListCell *cell;
    foreach (cell, RelationGetFKeyList(relation)) {
        const auto *key = static_cast<ForeignKeyCacheInfo *>(lfirst(cell));
        if (key->nkeys != 1 || table.columns[key->conkey[0] - 1].filled != RawFilled::later)
            return true;
    }
    return false;
}

bool meets_only_known(const RawTable &table, Relation relation, int16 event) {
    return relation->rd_rules == nullptr && !has_other_triggers(table, relation, event);
}

bool is_plain(const RawTable &table, Relation relation, Relation parent) {
    return relation->rd_rel->relkind == RELKIND_RELATION &&
           relation->rd_rel->relispartition == (parent != nullptr) &&
           !relation->rd_rel->relforcerowsecurity &&
           has_expected_columns(table, RelationGetDescr(relation)) &&
           meets_only_known(table, relation, TRIGGER_TYPE_INSERT) &&
           (parent == nullptr || meets_only_known(table, parent, TRIGGER_TYPE_INSERT)) &&
           !has_other_foreign_keys(table, relation);
}

bool prepare_checks(PreparedTable *prepared, const TupleConstr *constraints) {
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

bool prepare_index(PreparedTable *prepared, Oid oid) {
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

bool prepare_indexes(PreparedTable *prepared, Relation relation) {
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

} // namespace

// Valid before, not after: what is invalidated in the midst of it is prepared again the next time.
void prepare_raw_table(RawTable *table, Relation relation, Relation parent) {
    static const PreparedTable closed{};
    table->prepared = &closed;
    if (table->memory == nullptr)
        table->memory =
            AllocSetContextCreate(TopMemoryContext, "ayb_jobs checks", ALLOCSET_DEFAULT_SIZES);
    MemoryContextReset(table->memory);
    table->valid = true;
    MemoryContext before = MemoryContextSwitchTo(table->memory);
    auto *prepared = static_cast<PreparedTable *>(palloc0(sizeof(PreparedTable)));
    prepared->estate = CreateExecutorState();
    prepared->removable = meets_only_known(*table, relation, TRIGGER_TYPE_DELETE);
    prepared->insertable = is_plain(*table, relation, parent) &&
                           prepare_checks(prepared, RelationGetDescr(relation)->constr) &&
                           prepare_indexes(prepared, relation);
    table->prepared = prepared;
    MemoryContextSwitchTo(before);
}

} // namespace ayb
