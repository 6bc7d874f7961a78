// What would make a concurrent refresh possible, read off the view's own query.
#include "matview/advice.hpp"

#include "matview/rows.hpp"

namespace ayb {

namespace {

Sql<Oid> g_key{R"sql(
    SELECT i.indkey::int2[] FROM pg_index AS i WHERE i.indrelid = $1 AND i.indisprimary
)sql"};
// A column of which the statistics say that no two values are equal.
Sql<Oid> g_unique{R"sql(
    SELECT s.staattnum
    FROM pg_statistic AS s
    WHERE s.starelid = $1 AND s.stadistinct = -1 AND s.stanullfrac = 0 AND NOT s.stainherit
    ORDER BY s.staattnum
    LIMIT 1
)sql"};

// The output columns that the clauses stand for; empty where one of them is not put out.
List *columns_of(const Query &query, List *clauses) {
    List *columns = NIL;
    ListCell *cell;
    foreach (cell, clauses) {
        auto *clause = lfirst_node(SortGroupClause, cell);
        const TargetEntry *entry = get_sortgroupclause_tle(clause, query.targetList);
        if (entry->resjunk)
            return NIL;
        columns = list_append_unique_int(columns, entry->resno);
    }
    return columns;
}

int output_of(const Query &query, int table, AttrNumber attribute) {
    ListCell *cell;
    foreach (cell, query.targetList) {
        auto *entry = lfirst_node(TargetEntry, cell);
        auto *var = reinterpret_cast<Var *>(entry->expr);
        if (!entry->resjunk && IsA(var, Var) && range_number(*var) == table &&
            var->varattno == attribute && var->varlevelsup == 0)
            return entry->resno;
    }
    return 0;
}

// Where the columns of the table's primary key are put out; 0 for one that isn't. In `context`.
List *primary_key(const Query &query, int table, Oid relation, MemoryContext context) {
    if (g_key.run(relation) == 0)
        return NIL;
    Datum key = 0;
    read_row(0, &key);
    ArrayType *numbers = DatumGetArrayTypeP(key);
    const auto *attributes = reinterpret_cast<const int16 *>(ARR_DATA_PTR(numbers));
    MemoryContext before = MemoryContextSwitchTo(context);
    List *columns = NIL;
    for (int i = 0; i < ArrayGetNItems(ARR_NDIM(numbers), ARR_DIMS(numbers)); i++)
        columns = lappend_int(columns, output_of(query, table, attributes[i]));
    MemoryContextSwitchTo(before);
    return columns;
}

// The primary key of the one table that is read, if all of it is put out.
List *key_columns(const Query &query) {
    if (list_length(query.rtable) < 1 || list_length(query.jointree->fromlist) != 1 ||
        !IsA(linitial(query.jointree->fromlist), RangeTblRef))
        return NIL;
    const int table = linitial_node(RangeTblRef, query.jointree->fromlist)->rtindex;
    const RangeTblEntry *entry = rt_fetch(table, query.rtable);
    if (entry->rtekind != RTE_RELATION)
        return NIL;
    MemoryContext context = CurrentMemoryContext;
    List *columns = in_books([&] { return primary_key(query, table, entry->relid, context); });
    return list_member_int(columns, 0) ? NIL : columns;
}

List *grouped_columns(const Query &query) {
    if (query.groupClause == NIL || query.groupingSets != NIL || query.distinctClause != NIL)
        return NIL;
    return columns_of(query, query.groupClause);
}

List *distinguished_columns(Oid view) {
    const int16 found = in_books([view] {
        int16 column = 0;
        if (g_unique.run(view) > 0)
            read_row(0, &column);
        return column;
    });
    return found > 0 ? list_make1_int(found) : NIL;
}

List *all_columns(const Query &query) {
    List *columns = NIL;
    ListCell *cell;
    foreach (cell, query.targetList)
        if (!lfirst_node(TargetEntry, cell)->resjunk)
            columns = lappend_int(columns, lfirst_node(TargetEntry, cell)->resno);
    return columns;
}

// What tells the rows apart: by the query, by the statistics, or else all columns together, as a
// concurrent refresh doesn't take equal rows anyway.
List *telling_columns(Oid view, const Query &query) {
    List *columns = NIL;
    if (!query.hasTargetSRFs && query.setOperations == nullptr) {
        columns = grouped_columns(query);
        if (columns == NIL && query.groupClause == NIL && query.distinctClause != NIL)
            columns = columns_of(query, query.distinctClause);
        if (columns == NIL && query.groupClause == NIL && !query.hasAggs)
            columns = key_columns(query);
    }
    if (columns == NIL)
        columns = distinguished_columns(view);
    return columns != NIL ? columns : all_columns(query);
}

bool can_be_indexed(Oid view, List *columns) {
    ListCell *cell;
    foreach (cell, columns)
        if (!OidIsValid(GetDefaultOpClass(get_atttype(view, lfirst_int(cell)), BTREE_AM_OID)))
            return false;
    return list_length(columns) <= INDEX_MAX_KEYS && columns != NIL;
}

} // namespace

const char *unique_index_advice(Oid view) {
    const Query *query = view_query(view);
    if (query == nullptr)
        return nullptr;
    List *columns = telling_columns(view, *query);
    if (!can_be_indexed(view, columns))
        return nullptr;
    StringInfoData text;
    initStringInfo(&text);
    const char *schema = get_namespace_name(get_rel_namespace(view));
    appendStringInfo(&text, "CREATE UNIQUE INDEX ON %s (",
                     quote_qualified_identifier(schema, get_rel_name(view)));
    ListCell *cell;
    foreach (cell, columns) {
        const char *name = get_attname(view, static_cast<AttrNumber>(lfirst_int(cell)), false);
        appendStringInfo(&text, "%s%s", cell == list_head(columns) ? "" : ", ",
                         quote_identifier(name));
    }
    appendStringInfoString(&text, ");");
    return text.data;
}

} // namespace ayb

using namespace ayb;

// unique_index_advice(view) → text
AYB_SQL_FUNCTION(ayb_jobs_unique_index_advice) {
    const char *advice = PG_ARGISNULL(0) ? nullptr : unique_index_advice(PG_GETARG_OID(0));
    if (advice == nullptr)
        PG_RETURN_NULL();
    PG_RETURN_TEXT_P(cstring_to_text(advice));
}

// size_unless_locked(relation) → bigint
AYB_SQL_FUNCTION(ayb_jobs_size_unless_locked) {
    if (PG_ARGISNULL(0))
        PG_RETURN_NULL();
    const Oid relation = PG_GETARG_OID(0);
    if (!ConditionalLockRelationOid(relation, AccessShareLock))
        PG_RETURN_NULL();
    const bool there = SearchSysCacheExists1(RELOID, ObjectIdGetDatum(relation));
    const Datum size =
        there ? DirectFunctionCall1(pg_total_relation_size, ObjectIdGetDatum(relation)) : 0;
    UnlockRelationOid(relation, AccessShareLock);
    if (!there)
        PG_RETURN_NULL();
    PG_RETURN_DATUM(size);
}
