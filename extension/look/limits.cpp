// What limits have come to, as shared memory knows it.
#include "turns/places.hpp"

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

// key_state(type, key) → (running, started, opens_at)
AYB_SQL_FUNCTION(ayb_jobs_key_state) {
    KeyState state{0, 0, DT_NOBEGIN};
    if (any_limits())
        state = state_of_key(limit_key(TextDatumGetCString(PG_GETARG_DATUM(0))),
                             hash_of_key(TextDatumGetCString(PG_GETARG_DATUM(1))));
    TupleDesc shape;
    get_call_result_type(fcinfo, nullptr, &shape);
    Datum values[] = {Int32GetDatum(state.places), Int32GetDatum(state.started),
                      TimestampTzGetDatum(state.opens_at)};
    bool nulls[] = {false, false, state.opens_at == DT_NOBEGIN};
    PG_RETURN_DATUM(make_row(shape, values, nulls));
}

// turn_tables() → setof (what, used, room)
AYB_SQL_FUNCTION(ayb_jobs_turn_tables) {
    ReturnSetInfo *result = begin_set(fcinfo);
    if (!preloaded())
        PG_RETURN_NULL();
    Fullness tables[kTurnTables];
    fullness_of_turns(tables);
    for (const Fullness &table : tables) {
        Row row;
        row.add_text(table.what);
        row.add(Int64GetDatum(table.used));
        row.add(Int64GetDatum(table.room));
        row.put(result);
    }
    PG_RETURN_NULL();
}
