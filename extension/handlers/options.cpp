#include "handlers/options.hpp"

#include "base/arguments.hpp"
#include "base/objects.hpp"

namespace ayb {

namespace {

enum Option { kEnqueuerSees, kOptions };
constexpr Key kKeys[kOptions] = {{"enqueuer_sees", BOOLOID}};

} // namespace

HandlerOptions handler_options(FunctionCallInfo fcinfo, int number, bool definer) {
    HandlerOptions options;
    if (PG_ARGISNULL(number))
        return options;
    NullableDatum values[kOptions];
    read_named(PG_GETARG_JSONB_P(number), "options", kKeys, kOptions, values);
    if (!values[kEnqueuerSees].isnull)
        options.enqueuer_sees = DatumGetBool(values[kEnqueuerSees].value);
    if (!options.enqueuer_sees && !definer)
        refuse_argument("enqueuer_sees", "enqueuer_sees is an option of definers",
                        "Others' jobs run as who enqueues them, and are that role's to see.");
    return options;
}

} // namespace ayb
