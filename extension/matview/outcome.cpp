#include "matview/outcome.hpp"

#include "base/arguments.hpp"
#include "pg/tuples.hpp"

namespace ayb {

namespace {

void set_text(int number, const char *text, Datum *values, bool *nulls) {
    nulls[number] = text == nullptr || text[0] == '\0';
    if (!nulls[number])
        values[number] = CStringGetTextDatum(text);
}

void set_number(int number, int64 value, Datum *values, bool *nulls) {
    nulls[number] = value < 0;
    values[number] = Int64GetDatum(value);
}

} // namespace

void outcome_columns(const RefreshOutcome &outcome, Datum *values, bool *nulls) {
    values[0] = uuid_datum(outcome.id);
    nulls[0] = false;
    set_text(1, outcome.schema, values, nulls);
    set_text(2, outcome.view, values, nulls);
    set_text(3, core::word_of(outcome.status), values, nulls);
    set_number(4, outcome.duration_ms, values, nulls);
    set_number(5, outcome.rows, values, nulls);
    set_text(6, outcome.error, values, nulls);
    set_text(7, outcome.sqlstate, values, nulls);
    set_text(8, outcome.hint, values, nulls);
    set_text(9, core::word_of(outcome.reason), values, nulls);
}

Datum outcome_datum(FunctionCallInfo fcinfo, const RefreshOutcome &outcome) {
    TupleDesc shape;
    if (get_call_result_type(fcinfo, nullptr, &shape) != TYPEFUNC_COMPOSITE)
        elog(ERROR, "return type must be a row type");
    Datum values[kOutcomeColumns] = {};
    bool nulls[kOutcomeColumns] = {};
    outcome_columns(outcome, values, nulls);
    return make_row(shape, values, nulls);
}

} // namespace ayb
