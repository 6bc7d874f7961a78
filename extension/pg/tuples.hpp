#pragma once
// Tuples by themselves: what a trigger is given, what a catalog holds, what a function returns.
#include "pg/postgres.hpp"

namespace ayb {

inline bool is_null(HeapTuple row, TupleDesc shape, int column) {
    return heap_attisnull(row, column, shape);
}

// 0 where it is null.
inline Datum value_of(HeapTuple row, TupleDesc shape, int column) {
    bool null;
    return heap_getattr(row, column, shape, &null);
}

// A tuple's values, by column number, palloc'd. To ask it for one costs a walk over all before it.
class Values {
  public:
    Values(HeapTuple row, TupleDesc shape)
        : values_(static_cast<Datum *>(palloc(shape->natts * sizeof(Datum)))),
          nulls_(static_cast<bool *>(palloc(shape->natts * sizeof(bool)))) {
        heap_deform_tuple(row, shape, values_, nulls_);
    }
    // Those of somebody else, for as long as they are there.
    Values(Datum *values, bool *nulls) : values_(values), nulls_(nulls) {}
    bool null(int column) const { return nulls_[column - 1]; }
    Datum operator[](int column) const { return values_[column - 1]; }

  private:
    Datum *values_;
    bool *nulls_;
};

// A field of the catalog's row that `cache` finds for the oid; `otherwise` where there is none.
template <typename Row, typename Field>
Field catalog_field(int cache, Oid oid, Field Row::*field, Field otherwise) {
    HeapTuple tuple = SearchSysCache1(cache, ObjectIdGetDatum(oid));
    if (!HeapTupleIsValid(tuple))
        return otherwise;
    const Field value = reinterpret_cast<const Row *>(GETSTRUCT(tuple))->*field;
    ReleaseSysCache(tuple);
    return value;
}

// A copy of a row with another value in one column.
inline HeapTuple with_value(HeapTuple row, TupleDesc shape, int column, Datum value, bool null) {
    return heap_modify_tuple_by_cols(row, shape, 1, &column, &value, &null);
}

// A row of these values, palloc'd.
inline HeapTuple form_row(TupleDesc shape, Datum *values, bool *nulls) {
    return heap_form_tuple(shape, values, nulls);
}

// A row as a value of its table's type, palloc'd.
inline Datum as_value(HeapTuple row, TupleDesc shape) {
    return heap_copy_tuple_as_datum(row, shape);
}

// Calls visit(row, shape) for each row of a catalog whose `column` is `oid`, by an index that
// begins with it, in the index's order.
template <typename Visit>
void each_catalog_row(Oid catalog, Oid index, AttrNumber column, Oid oid, Visit visit) {
    Relation table = table_open(catalog, AccessShareLock);
    ScanKeyData key;
    ScanKeyInit(&key, column, BTEqualStrategyNumber, F_OIDEQ, ObjectIdGetDatum(oid));
    SysScanDesc scan = systable_beginscan(table, index, true, nullptr, 1, &key);
    while (HeapTuple row = systable_getnext(scan))
        visit(row, RelationGetDescr(table));
    systable_endscan(scan);
    table_close(table, AccessShareLock);
}

// A value of a row type, palloc'd. The shape is one of get_call_result_type().
inline Datum make_row(TupleDesc shape, Datum *values, bool *nulls) {
    return HeapTupleGetDatum(heap_form_tuple(BlessTupleDesc(shape), values, nulls));
}

struct ColumnChange {
    const char *column;
    Datum value;
};

// A copy of a row with other values in some columns, which it has.
template <size_t count> Datum changed_row(Datum row, const ColumnChange (&changes)[count]) {
    HeapTupleHeader header = DatumGetHeapTupleHeader(row);
    TupleDesc shape =
        lookup_rowtype_tupdesc(HeapTupleHeaderGetTypeId(header), HeapTupleHeaderGetTypMod(header));
    HeapTupleData tuple{};
    tuple.t_len = HeapTupleHeaderGetDatumLength(header);
    tuple.t_data = header;
    int numbers[count];
    Datum values[count];
    bool nulls[count] = {};
    for (size_t i = 0; i < count; i++) {
        numbers[i] = SPI_fnumber(shape, changes[i].column);
        values[i] = changes[i].value;
    }
    HeapTuple changed = heap_modify_tuple_by_cols(&tuple, shape, count, numbers, values, nulls);
    const Datum result = heap_copy_tuple_as_datum(changed, shape);
    ReleaseTupleDesc(shape);
    return result;
}

// Calls visit(form) for each database of the cluster. In a transaction.
template <typename Visit> void each_database(Visit visit) {
    Relation table = table_open(DatabaseRelationId, AccessShareLock);
    TableScanDesc scan = table_beginscan_catalog(table, 0, nullptr);
    while (HeapTuple tuple = heap_getnext(scan, ForwardScanDirection))
        visit(reinterpret_cast<Form_pg_database>(GETSTRUCT(tuple)));
    table_endscan(scan);
    table_close(table, AccessShareLock);
}

} // namespace ayb
