// What limits have come to, as shared memory knows it.
#include "turns/limits.hpp"

#include "base/answer.hpp"
#include "pg/tuples.hpp"

using namespace ayb;

// limit_state(type) → (in_force, running, started, opens_at)
AYB_SQL_FUNCTION(ayb_jobs_limit_state) {
    if (PG_ARGISNULL(0))
        PG_RETURN_NULL();
    LimitUse state{};
    if (preloaded())
        state_of_limit(limit_key(TextDatumGetCString(PG_GETARG_DATUM(0))), &state);
    TupleDesc shape;
    get_call_result_type(fcinfo, nullptr, &shape);
    Datum values[] = {BoolGetDatum(state.counted), Int32GetDatum(state.places),
                      Int32GetDatum(state.started), TimestampTzGetDatum(state.opens_at)};
    bool nulls[] = {false, false, false, state.opens_at == DT_NOBEGIN};
    PG_RETURN_DATUM(make_row(shape, values, nulls));
}
