#pragma once
// What the functions share that show shared memory: a row, and who looks.
#include "pg/postgres.hpp"
#include "base/rights.hpp"

namespace ayb {

// A row under construction: columns in order, NULL unless given.
struct Row {
    Datum values[16] = {};
    bool nulls[16];
    int count = 0;

    Row() { memset(nulls, true, sizeof(nulls)); }
    void add(Datum value) {
        nulls[count] = false;
        values[count++] = value;
    }
    void add_null() { count++; }
    void add_text(const char *value) {
        if (value[0] == '\0')
            add_null();
        else
            add(CStringGetTextDatum(value));
    }
    void add_time(TimestampTz value) {
        if (value == 0 || TIMESTAMP_NOT_FINITE(value))
            add_null();
        else
            add(TimestampTzGetDatum(value));
    }
    void put(ReturnSetInfo *result) {
        tuplestore_putvalues(result->setResult, result->setDesc, values, nulls);
    }
};

// Whose jobs a caller may see, or act on; looked up before any lock is taken.
struct Viewer {
    Oid role; // who looks
    bool all;
    ArrayType *array; // of roles, as oid[]
    const Oid *roles;
    int count;

    bool sees(Oid role) const {
        if (all)
            return true;
        for (int i = 0; i < count; i++)
            if (roles[i] == role)
                return true;
        return false;
    }
};

// Everybody's where the current role has the right.
inline Viewer viewer(Right right) {
    Viewer me{};
    me.role = GetUserId();
    me.all = has_right(me.role, right);
    ArrayType *roles = visible_roles();
    me.array = roles;
    me.roles = reinterpret_cast<const Oid *>(ARR_DATA_PTR(roles));
    me.count = ArrayGetNItems(ARR_NDIM(roles), ARR_DIMS(roles));
    return me;
}

} // namespace ayb
