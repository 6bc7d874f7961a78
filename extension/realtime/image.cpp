#include "realtime/image.hpp"

#include "pg/tuples.hpp"

extern "C" {
#include "access/tupconvert.h"
}

namespace ayb {

namespace {

bool same_value(const FormData_pg_attribute *column, const Values &one, const Values &other,
                int number) {
    if (one.null(number) != other.null(number))
        return false;
    return one.null(number) ||
           datumIsEqual(one[number], other[number], column->attbyval, column->attlen);
}

bool is_key(const Published &table, int column) {
    for (int i = 0; i < table.key_count; i++)
        if (table.keys[i] == column)
            return true;
    return false;
}

// The size that a value which is kept elsewhere has here.
Size size_at_home(Datum value) {
    const auto *pointer = reinterpret_cast<const varlena *>(DatumGetPointer(value));
    return VARATT_IS_EXTERNAL(pointer) ? toast_datum_size(value) : 0;
}

} // namespace

Changed changed_columns(const Published &table, HeapTuple old_row, HeapTuple new_row) {
    const Values before(old_row, table.shape);
    const Values after(new_row, table.shape);
    Changed changed{};
    changed.bytes = static_cast<uint32>((table.shape->natts + 7) / 8);
    changed.bits = static_cast<uint8 *>(palloc0(changed.bytes));
    for (int column = 1; column <= table.shape->natts; column++) {
        const FormData_pg_attribute *attribute = TupleDescAttr(table.shape, column - 1);
        if (attribute->attisdropped || same_value(attribute, before, after, column))
            continue;
        changed.bits[(column - 1) / 8] |= static_cast<uint8>(1 << ((column - 1) % 8));
        changed.any = true;
        changed.key = changed.key || is_key(table, column);
    }
    return changed;
}

HeapTuple as_published(const Published &table, HeapTuple row) {
    return table.map == nullptr ? row : execute_attr_map_tuple(row, table.map);
}

HeapTuple key_image(const Published &table, HeapTuple row) {
    const int columns = table.shape->natts;
    auto *values = static_cast<Datum *>(palloc0(columns * sizeof(Datum)));
    auto *nulls = static_cast<bool *>(palloc(columns * sizeof(bool)));
    memset(nulls, true, columns * sizeof(bool));
    for (int i = 0; i < table.key_count; i++) {
        const int at = table.keys[i] - 1;
        nulls[at] = is_null(row, table.shape, table.keys[i]);
        values[at] = value_of(row, table.shape, table.keys[i]);
        if (!nulls[at] && TupleDescAttr(table.shape, at)->attlen == -1)
            values[at] = PointerGetDatum(PG_DETOAST_DATUM(values[at]));
    }
    return form_row(table.shape, values, nulls);
}

HeapTuple whole_image(const Published &table, HeapTuple row) {
    if (!HeapTupleHasExternal(row))
        return row->t_len > kMostImageBytes ? nullptr : row;
    const int columns = table.shape->natts;
    const Values kept(row, table.shape);
    auto *values = static_cast<Datum *>(palloc(columns * sizeof(Datum)));
    auto *nulls = static_cast<bool *>(palloc(columns * sizeof(bool)));
    for (int i = 0; i < columns; i++) {
        values[i] = kept[i + 1];
        nulls[i] = kept.null(i + 1);
    }
    Size size = row->t_len;
    for (int i = 0; i < columns; i++)
        if (!nulls[i] && TupleDescAttr(table.shape, i)->attlen == -1)
            size += size_at_home(values[i]);
    if (size > kMostImageBytes + row->t_len)
        return nullptr; // don't fetch what will not be kept
    for (int i = 0; i < columns; i++)
        if (!nulls[i] && TupleDescAttr(table.shape, i)->attlen == -1)
            values[i] = PointerGetDatum(
                detoast_external_attr(reinterpret_cast<varlena *>(DatumGetPointer(values[i]))));
    HeapTuple whole = form_row(table.shape, values, nulls);
    return whole->t_len > kMostImageBytes ? nullptr : whole;
}

HeapTupleData row_of_bytes(const char *bytes, uint32 length) {
    HeapTupleData row{};
    row.t_len = length;
    row.t_data = reinterpret_cast<HeapTupleHeader>(const_cast<char *>(bytes));
    ItemPointerSetInvalid(&row.t_self);
    return row;
}

} // namespace ayb
