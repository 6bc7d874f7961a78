// Arithmetic on histograms, for series().
#include "core/histogram.hpp"

#include "pg/postgres.hpp"

namespace ayb {

namespace {

// The counts of a one-dimensional bigint[] without nulls, in place.
int64 *counts_of(ArrayType *array, int *count) {
    if (ARR_NDIM(array) > 1 || ARR_ELEMTYPE(array) != INT8OID || array_contains_nulls(array))
        ereport(ERROR, (errcode(ERRCODE_DATATYPE_MISMATCH), errmsg("not a histogram")));
    *count = ArrayGetNItems(ARR_NDIM(array), ARR_DIMS(array));
    return reinterpret_cast<int64 *>(ARR_DATA_PTR(array));
}

} // namespace

} // namespace ayb

using namespace ayb;

// add_histograms(bigint[], bigint[]) → bigint[]: what an aggregate has summed so far is its own,
// and grows where it is.
AYB_SQL_FUNCTION(ayb_jobs_add_histograms) {
    ArrayType *sum = AggCheckCallContext(fcinfo, nullptr) != 0 ? PG_GETARG_ARRAYTYPE_P(0)
                                                               : PG_GETARG_ARRAYTYPE_P_COPY(0);
    int sum_count;
    int count;
    int64 *to = counts_of(sum, &sum_count);
    const int64 *from = counts_of(PG_GETARG_ARRAYTYPE_P(1), &count);
    for (int i = 0; i < sum_count && i < count; i++)
        to[i] += from[i];
    PG_RETURN_ARRAYTYPE_P(sum);
}

// quantile(bigint[], float8) → float8: milliseconds, NULL for an empty histogram
AYB_SQL_FUNCTION(ayb_jobs_quantile) {
    int count;
    const int64 *counts = counts_of(PG_GETARG_ARRAYTYPE_P(0), &count);
    const double microseconds = core::histogram_quantile(counts, count, PG_GETARG_FLOAT8(1));
    if (microseconds < 0)
        PG_RETURN_NULL();
    PG_RETURN_FLOAT8(microseconds / 1000.0);
}
