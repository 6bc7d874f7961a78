#include "group/due_rows.hpp"

#include "base/arguments.hpp"
#include "base/columns.hpp"
#include "pg/extension.hpp"

extern "C" {
#include "access/tableam.h"
}

namespace ayb {

namespace {

constexpr const char *kIndex = "job_queue_claim_idx"; // (run_as, run_at, id) of what is claimable

// One that was made amid changes shows old snapshots less than all: the planner leaves it out too.
bool usable(Relation index) {
    return index->rd_index->indisvalid && !index->rd_index->indcheckxmin;
}

// One column of a comparison of rows.
void set_part(ScanKey key, int flag, AttrNumber column, RegProcedure order, Oid type, Datum value) {
    ScanKeyEntryInitialize(key, SK_ROW_MEMBER | flag, column, BTGreaterEqualStrategyNumber, type,
                           InvalidOid, order, value);
}

// (run_at, id) >= a place
void set_from(ScanKey key, ScanKey parts, const Position &from) {
    set_part(&parts[0], 0, 2, F_TIMESTAMPTZ_CMP, TIMESTAMPTZOID, TimestampTzGetDatum(from.run_at));
    set_part(&parts[1], SK_ROW_END, 3, F_UUID_CMP, UUIDOID, PointerGetDatum(&from.id));
    MemSet(key, 0, sizeof(*key));
    key->sk_flags = SK_ROW_HEADER;
    key->sk_attno = parts[0].sk_attno;
    key->sk_strategy = BTGreaterEqualStrategyNumber;
    key->sk_argument = PointerGetDatum(parts);
}

// `from` has to stay where it is while the scan is open.
void begin_scan(DueScan *scan, Oid role, const Position &from, TimestampTz until) {
    ScanKeyData keys[3];
    ScanKeyInit(&keys[0], 1, BTEqualStrategyNumber, F_OIDEQ, ObjectIdGetDatum(role));
    set_from(&keys[1], scan->parts, from);
    ScanKeyInit(&keys[2], 2, BTLessEqualStrategyNumber, F_TIMESTAMPTZ_LE,
                TimestampTzGetDatum(until));
    scan->row = table_slot_create(scan->table, nullptr);
    scan->locked = table_slot_create(scan->table, nullptr);
    scan->scan = begin_index_scan(scan->table, scan->index, GetActiveSnapshot(), lengthof(keys));
    index_rescan(scan->scan, keys, lengthof(keys), nullptr, 0);
}

// Told from the row itself: most rows that are passed over are in groups of other workers, whose
// transactions were met some rows ago. Wrong answers do no harm, which is why nobody is kept from
// changing the row meanwhile: a free row stays for the next look, a taken one can't be locked.
bool is_taken(DueScan *scan) {
    if (!TTS_IS_BUFFERTUPLE(scan->row))
        return false;
    const HeapTupleHeaderData *row =
        reinterpret_cast<HeapTupleTableSlot *>(scan->row)->tuple->t_data;
    if ((row->t_infomask & (HEAP_XMAX_INVALID | HEAP_XMAX_IS_MULTI)) != 0)
        return false;
    const TransactionId owner = HeapTupleHeaderGetRawXmax(row);
    if (TransactionIdIsValid(owner) && owner == scan->met)
        return true;
    if (!TransactionIdIsInProgress(owner))
        return false;
    scan->met = owner;
    return true;
}

} // namespace

bool open_due_rows(DueScan *scan, Oid role, const Position &from, TimestampTz until) {
    const Oid index = extension_table(kIndex);
    if (!OidIsValid(index))
        return false;
    scan->table = table_open(extension_table("job_queue"), RowExclusiveLock);
    scan->index = index_open(index, AccessShareLock);
    if (!usable(scan->index)) {
        index_close(scan->index, NoLock);
        table_close(scan->table, NoLock);
        return false;
    }
    scan->from = from;
    scan->met = InvalidTransactionId;
    begin_scan(scan, role, scan->from, until);
    return true;
}

bool next_due_row(DueScan *scan) {
    return index_getnext_slot(scan->scan, ForwardScanDirection, scan->row);
}

Position position_of(const DueScan &scan) {
    bool null;
    const TimestampTz run_at = DatumGetTimestampTz(slot_getattr(scan.row, kRunAt, &null));
    return {run_at, uuid_value(slot_getattr(scan.row, kId, &null))};
}

bool lock_due_row(DueScan *scan) {
    TM_FailureData failure;
    return !is_taken(scan) &&
           table_tuple_lock(scan->table, &scan->row->tts_tid, GetActiveSnapshot(), scan->locked,
                            GetCurrentCommandId(false), LockTupleExclusive, LockWaitSkip, 0,
                            &failure) == TM_Ok;
}

void close_due_rows(DueScan *scan) {
    index_endscan(scan->scan);
    ExecDropSingleTupleTableSlot(scan->row);
    ExecDropSingleTupleTableSlot(scan->locked);
    index_close(scan->index, NoLock);
    table_close(scan->table, NoLock);
}

} // namespace ayb
