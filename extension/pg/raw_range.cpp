#include "pg/raw_range.hpp"

#include "pg/extension.hpp"

namespace ayb {

namespace {

// One that was made amid changes shows old snapshots less than all: until they are gone the planner
// leaves it out too.
bool usable(Relation index) {
    const FormData_pg_index &form = *index->rd_index;
    return form.indisvalid &&
           (!form.indcheckxmin ||
            TransactionIdPrecedes(HeapTupleHeaderGetXmin(index->rd_indextuple->t_data),
                                  TransactionXmin));
}

} // namespace

// Told from the row itself: most rows that are passed over are in groups of other workers, whose
// transactions were met some rows ago. Wrong answers do no harm, which is why nobody is kept from
// changing the row meanwhile: a free row stays for the next look, a taken one can't be locked.
bool is_taken(RawRange *range) {
    if (!TTS_IS_BUFFERTUPLE(range->row))
        return false;
    const HeapTupleHeaderData *row =
        reinterpret_cast<HeapTupleTableSlot *>(range->row)->tuple->t_data;
    if ((row->t_infomask & (HEAP_XMAX_INVALID | HEAP_XMAX_IS_MULTI)) != 0)
        return false;
    const TransactionId owner = HeapTupleHeaderGetRawXmax(row);
    if (TransactionIdIsValid(owner) && owner == range->met)
        return true;
    if (!TransactionIdIsInProgress(owner) || TransactionIdIsCurrentTransactionId(owner))
        return false;
    range->met = owner;
    return true;
}

bool open_range(RawRange *range, const char *table, const char *index) {
    const Oid oid = extension_table(index);
    if (!OidIsValid(oid))
        return false;
    range->table = table_open(extension_table(table), RowExclusiveLock);
    range->index = index_open(oid, AccessShareLock);
    range->scan = nullptr;
    unbound_range(range);
    range->met = InvalidTransactionId;
    if (usable(range->index))
        return true;
    index_close(range->index, NoLock);
    table_close(range->table, NoLock);
    return false;
}

void bound_range(RawRange *range, AttrNumber column, StrategyNumber strategy,
                 RegProcedure comparison, Datum value) {
    ScanKeyInit(&range->keys[range->key_count++], column, strategy, comparison, value);
}

void range_compares(RawRange *range, StrategyNumber strategy, AttrNumber column,
                    const RawBound *bounds, int count) {
    ScanKey first = &range->columns[range->column_count];
    for (int i = 0; i < count; i++)
        ScanKeyEntryInitialize(&range->columns[range->column_count++],
                               SK_ROW_MEMBER | (i == count - 1 ? SK_ROW_END : 0),
                               static_cast<AttrNumber>(column + i), strategy, bounds[i].type,
                               InvalidOid, bounds[i].order, bounds[i].value);
    ScanKeyData &key = range->keys[range->key_count++];
    MemSet(&key, 0, sizeof(key));
    key.sk_flags = SK_ROW_HEADER;
    key.sk_attno = column;
    key.sk_strategy = strategy;
    key.sk_argument = PointerGetDatum(first);
}

void begin_range(RawRange *range) {
    if (range->scan != nullptr) {
        index_endscan(range->scan);
    } else {
        range->row = table_slot_create(range->table, nullptr);
        range->locked = table_slot_create(range->table, nullptr);
    }
    range->scan =
        begin_index_scan(range->table, range->index, GetActiveSnapshot(), range->key_count);
    index_rescan(range->scan, range->keys, range->key_count, nullptr, 0);
}

void unbound_range(RawRange *range) { range->key_count = range->column_count = 0; }

bool next_in_range(RawRange *range) {
    return index_getnext_slot(range->scan, ForwardScanDirection, range->row);
}

bool lock_in_range(RawRange *range) {
    TM_FailureData failure;
    return !is_taken(range) &&
           table_tuple_lock(range->table, &range->row->tts_tid, GetActiveSnapshot(), range->locked,
                            GetCurrentCommandId(false), LockTupleExclusive, LockWaitSkip, 0,
                            &failure) == TM_Ok;
}

void close_range(RawRange *range) {
    if (range->scan != nullptr) {
        index_endscan(range->scan);
        ExecDropSingleTupleTableSlot(range->row);
        ExecDropSingleTupleTableSlot(range->locked);
    }
    index_close(range->index, NoLock);
    table_close(range->table, NoLock);
}

} // namespace ayb
