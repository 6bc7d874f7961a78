#include "realtime/listened.hpp"

#include "pg/books.hpp"
#include "pg/relation.hpp"
#include "published/policies.hpp"
#include "published/tree.hpp"

extern "C" {
#include "catalog/pg_operator.h"
#include "catalog/pg_policy.h"
#include "utils/ruleutils.h"
}

namespace ayb {

namespace {

// With what a column is compared with a value of its own type, by its operator class in the index.
const char *equals(Oid opclass) {
    const Oid type = get_opclass_input_type(opclass);
    const Oid op =
        get_opfamily_member(get_opclass_family(opclass), type, type, BTEqualStrategyNumber);
    HeapTuple tuple = SearchSysCache1(OPEROID, ObjectIdGetDatum(op));
    if (!HeapTupleIsValid(tuple))
        elog(ERROR, "no operator %u", op);
    const auto *form = reinterpret_cast<Form_pg_operator>(GETSTRUCT(tuple));
    const char *text =
        psprintf("OPERATOR(%s.%s)", quote_identifier(get_namespace_name(form->oprnamespace)),
                 NameStr(form->oprname));
    ReleaseSysCache(tuple);
    return text;
}

const char *column_name(const Listened &table, int column) {
    return quote_identifier(NameStr(TupleDescAttr(table.shape, column - 1)->attname));
}

const char *name_of(Relation relation) {
    return quote_identifier(RelationGetRelationName(relation));
}

const char *full_name(Relation relation) {
    return quote_qualified_identifier(get_namespace_name(RelationGetNamespace(relation)),
                                      RelationGetRelationName(relation));
}

bool asks_for_session(Node *node, void *context) {
    if (node == nullptr)
        return false;
    if (IsA(node, SQLValueFunction) &&
        reinterpret_cast<SQLValueFunction *>(node)->op == SVFOP_SESSION_USER)
        return true;
    if (IsA(node, FuncExpr) && reinterpret_cast<FuncExpr *>(node)->funcid == F_SESSION_USER)
        return true;
    if (IsA(node, Query))
        return walk_query(reinterpret_cast<Query *>(node), asks_for_session, context);
    return walk_expression(node, asks_for_session, context);
}

bool is_for_reading(const RowSecurityPolicy &policy) {
    return policy.polcmd == '*' || policy.polcmd == ACL_SELECT_CHR;
}

bool any_asks_for_session(Relation relation) {
    return any_policy(relation, [](const RowSecurityPolicy &policy) {
        return is_for_reading(policy) &&
               asks_for_session(reinterpret_cast<Node *>(policy.qual), nullptr);
    });
}

const char *why_not(Relation table) {
    AttrNumber keys[INDEX_MAX_KEYS];
    if (capturing_trigger(table) == nullptr)
        return "its trigger isn't as enable_realtime() made it, or not ENABLE ALWAYS";
    if (!tree_of(table, relation_changes()).captures)
        return "the trigger of one of its partitions isn't ENABLE ALWAYS";
    if (primary_key(table, keys) == 0)
        return "it has no primary key";
    return any_asks_for_session(table) ? "a policy asks for session_user" : nullptr;
}

void lock_soon(Oid table) {
    const int level = NewGUCNestLevel();
    set_locally("lock_timeout", "100");
    LockRelationOid(table, AccessShareLock);
    AtEOXact_GUC(true, level);
}

bool names_column(const Trigger *trigger, const char *name) {
    for (int i = 0; i < trigger->tgnargs; i++)
        if (strcmp(trigger->tgargs[i], name) == 0)
            return true;
    return trigger->tgnargs == 0;
}

bool may_read(Relation relation, AttrNumber column, Oid role) {
    return pg_class_aclcheck(RelationGetRelid(relation), role, ACL_SELECT) == ACLCHECK_OK ||
           pg_attribute_aclcheck(RelationGetRelid(relation), column, role, ACL_SELECT) ==
               ACLCHECK_OK;
}

Bitmapset *readable(const Listened &table, Oid role) {
    Bitmapset *sent = nullptr;
    const Trigger *trigger = capturing_trigger(table.relation);
    for (int i = 1; i <= table.shape->natts; i++) {
        const FormData_pg_attribute *column = TupleDescAttr(table.shape, i - 1);
        if (!column->attisdropped && names_column(trigger, NameStr(column->attname)) &&
            may_read(table.relation, column->attnum, role))
            sent = bms_add_member(sent, i);
    }
    return sent;
}

void add_key_conditions(StringInfo sql, const Listened &table) {
    HeapTuple tuple =
        SearchSysCache1(INDEXRELID, ObjectIdGetDatum(primary_index_of(table.relation)));
    if (!HeapTupleIsValid(tuple))
        elog(ERROR, "no primary key");
    bool null;
    const Datum classes = SysCacheGetAttr(INDEXRELID, tuple, Anum_pg_index_indclass, &null);
    const auto *opclasses = reinterpret_cast<const oidvector *>(DatumGetPointer(classes));
    for (int i = 0; i < table.key_count; i++)
        appendStringInfo(sql, "%st.%s %s $%d", i > 0 ? " AND " : "",
                         column_name(table, table.keys[i]), equals(opclasses->values[i]), i + 1);
    ReleaseSysCache(tuple);
}

const char *reading(const Listened &table) {
    StringInfoData sql;
    initStringInfo(&sql);
    appendStringInfoString(&sql, "SELECT pg_catalog.to_jsonb(r) FROM (SELECT ");
    const char *comma = "";
    for (int i = -1; (i = bms_next_member(table.sent, i)) >= 0; comma = ", ")
        appendStringInfo(&sql, "%st.%s", comma, column_name(table, i));
    appendStringInfo(&sql, " FROM %s AS t WHERE ", full_name(table.relation));
    add_key_conditions(&sql, table);
    appendStringInfoString(&sql, ") AS r");
    return sql.data;
}

bool is_for(const RowSecurityPolicy &policy, Oid role) {
    const auto *roles = reinterpret_cast<Oid *>(ARR_DATA_PTR(policy.roles));
    const int count = ARR_DIMS(policy.roles)[0];
    for (int i = 0; i < count; i++)
        if (roles[i] == ACL_ID_PUBLIC || has_privs_of_role(role, roles[i]))
            return true;
    return false;
}

void add_condition(StringInfo text, const char *between, Relation relation, Node *condition) {
    List *context =
        deparse_context_for(RelationGetRelationName(relation), RelationGetRelid(relation));
    appendStringInfo(text, "%s(%s)", text->len > 0 ? between : "",
                     deparse_expression(condition, context, false, false));
}

struct Conditions {
    StringInfoData any; // permissive
    StringInfoData all; // restrictive
};

void add_policy(Listened *table, Conditions *conditions, const RowSecurityPolicy &policy) {
    if (policy.qual == nullptr)
        return;
    // A copy: whoever writes a query as text changes it, in memory that doesn't last.
    auto *condition = static_cast<Node *>(copyObjectImpl(policy.qual));
    if (policy.permissive)
        add_condition(&conditions->any, " OR ", table->relation, condition);
    else
        add_condition(&conditions->all, " AND ", table->relation, condition);
    if (policy.hassublinks)
        table->all_decide = true;
    else
        pull_varattnos(condition, 1, &table->decides);
}

// pg_catalog alone is in the path while this is written, and when it is read: all else has its
// schema before it.
void write_conditions(Listened *table, Oid role, Conditions *conditions) {
    ListCell *cell;
    foreach (cell, table->relation->rd_rsdesc->policies) {
        const auto *policy = static_cast<RowSecurityPolicy *>(lfirst(cell));
        if (is_for_reading(*policy) && is_for(*policy, role))
            add_policy(table, conditions, *policy);
    }
}

const char *condition_for(Listened *table, Oid role) {
    if (!table->relation->rd_rel->relrowsecurity || table->relation->rd_rsdesc == nullptr)
        return table->relation->rd_rel->relrowsecurity ? "false" : "true";
    const int level = NewGUCNestLevel();
    set_locally("search_path", "pg_catalog, pg_temp");
    Conditions conditions;
    initStringInfo(&conditions.any);
    initStringInfo(&conditions.all);
    write_conditions(table, role, &conditions);
    AtEOXact_GUC(true, level);
    if (conditions.any.len == 0)
        return "false";
    const char *all = conditions.all.len > 0 ? conditions.all.data : "true";
    return psprintf("(%s) AND %s", conditions.any.data, all);
}

} // namespace

bool open_listened(Oid table, Listened *listened) {
    *listened = Listened{};
    listened->table = table;
    lock_soon(table);
    Relation relation = try_relation_open(table, NoLock);
    if (relation == nullptr)
        return false;
    if (why_not(relation) != nullptr) {
        relation_close(relation, NoLock);
        return false;
    }
    const Trigger *trigger = capturing_trigger(relation);
    listened->key_count = primary_key(relation, listened->keys);
    listened->relation = relation;
    listened->shape = RelationGetDescr(relation);
    listened->definition = definition_of(relation, trigger);
    return true;
}

const char *why_not_listened(Oid table) {
    if (!ConditionalLockRelationOid(table, AccessShareLock))
        return nullptr;
    Relation relation = try_relation_open(table, NoLock);
    if (relation == nullptr)
        return "it is gone";
    const char *why = why_not(relation);
    relation_close(relation, NoLock);
    return why;
}

void close_listened(const Listened &listened) { relation_close(listened.relation, NoLock); }

bool prepare_for(Listened *listened, Oid role) {
    if (check_enable_rls(listened->table, role, true) == RLS_NONE_ENV ||
        !may_use_schema(RelationGetNamespace(listened->relation), role))
        return false;
    for (int i = 0; i < listened->key_count; i++)
        if (!may_read(listened->relation, listened->keys[i], role))
            return false;
    listened->sent = readable(*listened, role);
    listened->read = bms_is_empty(listened->sent) ? nullptr : reading(*listened);
    return listened->read != nullptr;
}

void prepare_to_judge(Listened *listened, Oid role) {
    if (listened->judge != nullptr)
        return;
    const char *condition = condition_for(listened, role);
    const char *name = name_of(listened->relation);
    StringInfoData sql;
    initStringInfo(&sql);
    appendStringInfoString(&sql, "SELECT pg_catalog.to_jsonb(r) FROM (SELECT ");
    for (int i = 0; i < listened->key_count; i++)
        appendStringInfo(&sql, "%s%s.%s", i > 0 ? ", " : "", name,
                         column_name(*listened, listened->keys[i]));
    appendStringInfo(&sql, " FROM pg_catalog.unnest($1) AS %s WHERE %s) AS r", name, condition);
    listened->judge = sql.data;
}

void refuse_table(Oid table) {
    const char *name = get_rel_name(table);
    const char *schema = name != nullptr ? get_namespace_name(get_rel_namespace(table)) : nullptr;
    ereport(ERROR,
            (errcode(ERRCODE_UNDEFINED_OBJECT), errmsg("there is no such table to listen to"),
             err_generic_string(PG_DIAG_COLUMN_NAME, "relations"),
             name != nullptr ? err_generic_string(PG_DIAG_TABLE_NAME, name) : 0,
             schema != nullptr ? err_generic_string(PG_DIAG_SCHEMA_NAME, schema) : 0,
             errhint("ayb_jobs.realtime_tables lists those that are enabled; the role needs SELECT "
                     "on the primary key, and row-level security must hold for it.")));
    pg_unreachable();
}

} // namespace ayb
