#pragma once
// A number that stands for what something is: each part of it is added to those before.
#include "pg/postgres.hpp"

extern "C" {
#include "common/hashfn.h"
}

namespace ayb {

inline uint64 add_bytes_to_stamp(uint64 stamp, const void *bytes, Size length) {
    return DatumGetUInt64(hash_any_extended(static_cast<const unsigned char *>(bytes),
                                            static_cast<int>(length), stamp));
}

template <typename T> uint64 add_to_stamp(uint64 stamp, const T &value) {
    return add_bytes_to_stamp(stamp, &value, sizeof(value));
}

// A catalog's row by who wrote it, and by which of its commands: one that was replaced and put back
// is another one.
inline uint64 add_version_to_stamp(uint64 stamp, HeapTuple row) {
    stamp = add_to_stamp(stamp, HeapTupleHeaderGetRawXmin(row->t_data));
    return add_to_stamp(stamp, HeapTupleHeaderGetRawCommandId(row->t_data));
}

} // namespace ayb
