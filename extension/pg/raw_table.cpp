#include "pg/raw_table.hpp"

#include "pg/extension.hpp"

namespace ayb {

namespace {

RawTable *g_tables;

bool concerns(const RawTable &table, Oid relation) {
    if (relation == InvalidOid || relation == table.oid || relation == table.parent)
        return true;
    for (int i = 0; i < table.prepared->index_count; i++)
        if (relation == table.prepared->indexes[i])
            return true;
    return false;
}

void on_invalidation(Datum /*argument*/, Oid relation) {
    for (RawTable *table = g_tables; table != nullptr; table = table->next)
        if (table->valid && concerns(*table, relation))
            table->valid = false;
}

void register_table(RawTable *table) {
    for (const RawTable *known = g_tables; known != nullptr; known = known->next)
        if (known == table)
            return;
    table->next = g_tables;
    g_tables = table;
}

// The table, locked, as it is now.
Relation open_prepared(RawTable *table) {
    register_table(table);
    if (!table->valid)
        table->oid = extension_table(table->name);
    Relation relation = table_open(table->oid, RowExclusiveLock);
    if (!table->valid)
        prepare_raw_table(table, relation, nullptr);
    return relation;
}

Relation open_prepared_partition(RawTable *table, Oid partition) {
    register_table(table);
    table->valid = table->valid && table->oid == partition;
    if (!table->valid)
        table->parent = extension_table(table->name);
    Relation parent = table_open(table->parent, RowExclusiveLock);
    table->oid = partition;
    Relation relation = table_open(table->oid, RowExclusiveLock);
    if (!table->valid)
        prepare_raw_table(table, relation, parent);
    table_close(parent, NoLock);
    return relation;
}

// False where the way is closed.
bool begin(const RawTable *table, Relation relation, int room, RawRows *rows) {
    const PreparedTable *prepared = table->prepared;
    if (!prepared->insertable) {
        table_close(relation, RowExclusiveLock);
        return false;
    }
    *rows =
        RawRows{table, prepared, relation, nullptr, nullptr, nullptr, 0, GetCurrentCommandId(true)};
    rows->indexes = static_cast<Relation *>(palloc0(prepared->index_count * sizeof(Relation) + 1));
    rows->kept = static_cast<TupleTableSlot **>(palloc(room * sizeof(TupleTableSlot *) + 1));
    rows->slot = MakeSingleTupleTableSlot(RelationGetDescr(relation), &TTSOpsVirtual);
    rows->slot->tts_tableOid = RelationGetRelid(relation);
    return true;
}

void require_writable() {
    require_extension();
    PreventCommandIfReadOnly("INSERT");
    PreventCommandIfParallelMode("INSERT");
}

void fill(TupleTableSlot *slot, const Datum *values, const bool *nulls) {
    const int count = slot->tts_tupleDescriptor->natts;
    ExecClearTuple(slot);
    memcpy(slot->tts_values, values, count * sizeof(Datum));
    memcpy(slot->tts_isnull, nulls, count * sizeof(bool));
    ExecStoreVirtualTuple(slot);
}

// For what is computed of one row.
ExprContext *context_of(const RawRows &rows, TupleTableSlot *slot) {
    ExprContext *context = GetPerTupleExprContext(rows.prepared->estate);
    ResetExprContext(context);
    context->ecxt_scantuple = slot;
    return context;
}

void check_row(const RawRows &rows, const TupleTableSlot *slot, ExprContext *context) {
    TupleDesc shape = RelationGetDescr(rows.relation);
    const char *name = RelationGetRelationName(rows.relation);
    for (int i = 0; i < shape->natts; i++)
        if (TupleDescAttr(shape, i)->attnotnull && slot->tts_isnull[i])
            ereport(ERROR, (errcode(ERRCODE_NOT_NULL_VIOLATION),
                            errmsg("column \"%s\" of relation \"%s\" must not be null",
                                   rows.table->columns[i].name, name),
                            errtablecol(rows.relation, i + 1)));
    for (int i = 0; i < rows.prepared->check_count; i++)
        if (!ExecCheck(rows.prepared->checks[i], context))
            ereport(ERROR, (errcode(ERRCODE_CHECK_VIOLATION),
                            errmsg("new row for relation \"%s\" violates check constraint \"%s\"",
                                   name, rows.prepared->check_names[i]),
                            errtableconstraint(rows.relation, rows.prepared->check_names[i])));
}

// An index whose condition leaves all rows out is not even opened.
void enter_into_index(const RawRows &rows, int number, TupleTableSlot *slot, ExprContext *context) {
    IndexInfo *info = rows.prepared->infos[number];
    if (!ExecQual(info->ii_PredicateState, context))
        return;
    Relation &index = rows.indexes[number];
    if (index == nullptr)
        index = index_open(rows.prepared->indexes[number], RowExclusiveLock);
    Datum values[INDEX_MAX_KEYS];
    bool nulls[INDEX_MAX_KEYS];
    FormIndexDatum(info, slot, rows.prepared->estate, values, nulls);
    index_insert(index, values, nulls, &slot->tts_tid, rows.relation,
                 info->ii_Unique ? UNIQUE_CHECK_YES : UNIQUE_CHECK_NO, false, info);
}

void enter_into_indexes(const RawRows &rows, TupleTableSlot *slot, ExprContext *context) {
    for (int i = 0; i < rows.prepared->index_count; i++)
        enter_into_index(rows, i, slot, context);
}

void write_kept(const RawRows &rows) {
    table_multi_insert(rows.relation, rows.kept, rows.kept_count, rows.command, 0, nullptr);
    for (int i = 0; i < rows.kept_count; i++) {
        ExprContext *context = context_of(rows, rows.kept[i]);
        MemoryContext before = MemoryContextSwitchTo(context->ecxt_per_tuple_memory);
        enter_into_indexes(rows, rows.kept[i], context);
        MemoryContextSwitchTo(before);
        ExecDropSingleTupleTableSlot(rows.kept[i]);
    }
}

} // namespace

bool open_raw(RawTable *table, RawRows *rows) {
    require_writable();
    Relation relation = open_prepared(table);
    return begin(table, relation, 0, rows);
}

bool open_raw_partition(RawTable *table, Oid partition, int room, RawRows *rows) {
    require_writable();
    Relation relation = open_prepared_partition(table, partition);
    return begin(table, relation, room, rows);
}

void insert_raw(RawRows *rows, const Datum *values, const bool *nulls) {
    TupleTableSlot *slot = rows->slot;
    fill(slot, values, nulls);
    ExprContext *context = context_of(*rows, slot);
    MemoryContext before = MemoryContextSwitchTo(context->ecxt_per_tuple_memory);
    check_row(*rows, slot, context);
    table_tuple_insert(rows->relation, slot, rows->command, 0, nullptr);
    enter_into_indexes(*rows, slot, context);
    MemoryContextSwitchTo(before);
}

void keep_raw(RawRows *rows, const Datum *values, const bool *nulls) {
    TupleTableSlot *slot = table_slot_create(rows->relation, nullptr);
    fill(slot, values, nulls);
    ExprContext *context = context_of(*rows, slot);
    MemoryContext before = MemoryContextSwitchTo(context->ecxt_per_tuple_memory);
    check_row(*rows, slot, context);
    MemoryContextSwitchTo(before);
    ExecMaterializeSlot(slot); // what the values are in may be gone by then
    rows->kept[rows->kept_count++] = slot;
}

void close_raw(RawRows *rows) {
    if (rows->kept_count > 0)
        write_kept(*rows);
    for (int i = 0; i < rows->prepared->index_count; i++)
        if (rows->indexes[i] != nullptr)
            index_close(rows->indexes[i], RowExclusiveLock);
    pfree(rows->indexes);
    pfree(rows->kept);
    ExecDropSingleTupleTableSlot(rows->slot);
    table_close(rows->relation, NoLock);
    CommandCounterIncrement();
}

bool open_raw_removal(RawTable *table, RawRemoval *removal) {
    removal->relation = open_prepared(table);
    if (!table->prepared->removable) {
        table_close(removal->relation, RowExclusiveLock);
        return false;
    }
    removal->row = table_slot_create(removal->relation, nullptr);
    return true;
}

bool read_raw(RawRemoval *removal, ItemPointer place) {
    if (!table_tuple_fetch_row_version(removal->relation, place, SnapshotSelf, removal->row))
        return false;
    slot_getallattrs(removal->row); // at once: the columns are asked for one after another
    return true;
}

// There is nobody to wait for, but it must seem willing to: else the transaction's own lock is in
// the way.
bool remove_raw(RawRemoval *removal, ItemPointer place) {
    TM_FailureData failure;
    return table_tuple_delete(removal->relation, place, GetCurrentCommandId(true),
                              GetActiveSnapshot(), InvalidSnapshot, true, &failure, false) == TM_Ok;
}

void close_raw_removal(RawRemoval *removal) {
    ExecDropSingleTupleTableSlot(removal->row);
    table_close(removal->relation, NoLock);
}

void install_raw_table_callbacks() { CacheRegisterRelcacheCallback(on_invalidation, 0); }

} // namespace ayb
