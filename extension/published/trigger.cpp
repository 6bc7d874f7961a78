#include "published/trigger.hpp"

extern "C" {
#include "common/hashfn.h"
}

namespace ayb {

namespace {

Oid g_function; // note_row(), as long as it stays that

void on_function(Datum /*argument*/, int /*cache*/, uint32 /*hash*/) { g_function = InvalidOid; }

} // namespace

bool is_capturing(Oid function) {
    if (!OidIsValid(g_function)) {
        List *name = list_make2(makeString(const_cast<char *>("ayb_jobs_internal")),
                                makeString(const_cast<char *>("note_row")));
        g_function = LookupFuncName(name, 0, nullptr, true);
        list_free_deep(name);
    }
    return OidIsValid(g_function) && function == g_function;
}

uint64 add_to_stamp(uint64 stamp, Oid oid) {
    return DatumGetUInt64(hash_any_extended(reinterpret_cast<const unsigned char *>(&oid),
                                            static_cast<int>(sizeof(oid)), stamp));
}

uint64 add_version_to_stamp(uint64 stamp, HeapTuple row) {
    stamp = add_to_stamp(stamp, HeapTupleHeaderGetRawXmin(row->t_data));
    return add_to_stamp(stamp, HeapTupleHeaderGetRawCommandId(row->t_data));
}

void install_trigger_callback() { CacheRegisterSyscacheCallback(PROCOID, on_function, 0); }

} // namespace ayb
