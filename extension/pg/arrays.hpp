#pragma once
// Arrays, most of which grow to be the columns of one statement; in the current memory context.
#include "pg/postgres.hpp"

namespace ayb {

inline ArrayBuildState *new_column(Oid type) {
    return initArrayResult(type, CurrentMemoryContext, false);
}

inline void add_value(ArrayBuildState *column, Datum value, bool null = false) {
    accumArrayResult(column, value, null, column->element_type, CurrentMemoryContext);
}

// DT_NOEND is NULL.
inline void add_time(ArrayBuildState *column, TimestampTz at) {
    add_value(column, TimestampTzGetDatum(at), TIMESTAMP_IS_NOEND(at));
}

inline void add_text(ArrayBuildState *column, const char *text) {
    add_value(column, text != nullptr ? CStringGetTextDatum(text) : 0, text == nullptr);
}

inline Datum whole_column(ArrayBuildState *column) {
    return makeArrayResult(column, CurrentMemoryContext);
}

// A uuid[] of them.
inline ArrayType *uuid_array(const Datum *ids, int count) {
    return construct_array(const_cast<Datum *>(ids), count, UUIDOID, UUID_LEN, false,
                           TYPALIGN_CHAR);
}

// A bigint[] of them.
template <int kCount> Datum bigint_array(const int64 (&numbers)[kCount]) {
    Datum values[kCount];
    for (int i = 0; i < kCount; i++)
        values[i] = Int64GetDatum(numbers[i]);
    return PointerGetDatum(
        construct_array(values, kCount, INT8OID, sizeof(int64), true, TYPALIGN_DOUBLE));
}

} // namespace ayb
