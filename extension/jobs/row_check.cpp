#include "jobs/row_check.hpp"

#include "base/arguments.hpp"
#include "base/columns.hpp"
#include "pg/tuples.hpp"

namespace ayb {

namespace {

constexpr int16 kMostPriority = 4; // and the least is -4
constexpr Size kMaxMetaBytes = 8192;

[[noreturn]] void refuse(const char *fact, const char *hint) {
    ereport(ERROR, (errcode(ERRCODE_CHECK_VIOLATION), errmsg("%s", fact), errhint("%s", hint)));
    pg_unreachable();
}

void check_priority(HeapTuple row, TupleDesc shape) {
    if (is_null(row, shape, kPriority))
        return;
    const int16 priority = DatumGetInt16(value_of(row, shape, kPriority));
    if (priority < -kMostPriority || priority > kMostPriority)
        refuse(psprintf("priority must be between %d and %d", -kMostPriority, kMostPriority),
               "What has the lowest goes first; 0 is what a job has by itself.");
}

void check_runs(HeapTuple row, TupleDesc shape) {
    if (!is_null(row, shape, kRuns) && DatumGetInt32(value_of(row, shape, kRuns)) < 0)
        refuse("runs must not be negative", "It counts how often the job was claimed.");
}

void check_key(HeapTuple row, TupleDesc shape, QueueColumn column, const char *name) {
    if (is_null(row, shape, column))
        return;
    const Size bytes = toast_raw_datum_size(value_of(row, shape, column)) - VARHDRSZ;
    if (bytes == 0 || bytes > kMaxKeyBytes)
        refuse(psprintf("%s must be of 1 to %d bytes", name, kMaxKeyBytes),
               "Pass NULL for a job without one, and a hash of what is longer.");
}

void check_meta(HeapTuple row, TupleDesc shape) {
    if (is_null(row, shape, kMeta))
        return;
    const Datum meta = value_of(row, shape, kMeta);
    if (toast_raw_datum_size(meta) > kMaxMetaBytes)
        refuse(psprintf("meta must be at most %zu bytes long", kMaxMetaBytes),
               "The payload may be larger.");
    if (!JB_ROOT_IS_OBJECT(DatumGetJsonbP(meta)))
        refuse("meta must be a JSON object", "It takes {\"name\": value, ...}.");
}

} // namespace

void check_row(HeapTuple row, TupleDesc shape) {
    check_priority(row, shape);
    check_runs(row, shape);
    check_key(row, shape, kPartitionKey, "partition_key");
    check_key(row, shape, kUniqueKey, "unique_key");
    check_meta(row, shape);
}

} // namespace ayb
