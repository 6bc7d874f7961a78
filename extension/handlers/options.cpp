#include "handlers/options.hpp"

#include "base/arguments.hpp"

namespace ayb {

namespace {

constexpr const char *kEnqueuerSees = "enqueuer_sees";

void set_option(HandlerOptions *options, const char *name, const JsonbValue &value) {
    if (strcmp(name, kEnqueuerSees) != 0)
        refuse_argument("options", psprintf("unknown option \"%s\"", name),
                        "There is enqueuer_sees.");
    if (value.type != jbvBool)
        refuse_argument("options", "enqueuer_sees must be true or false", "Leave it out for true.");
    options->enqueuer_sees = value.val.boolean;
}

} // namespace

HandlerOptions handler_options(FunctionCallInfo fcinfo, int number, bool definer) {
    HandlerOptions options;
    if (PG_ARGISNULL(number))
        return options;
    Jsonb *given = PG_GETARG_JSONB_P(number);
    if (!JB_ROOT_IS_OBJECT(given))
        refuse_argument("options", "options must be a JSON object",
                        "It takes {\"name\": value, ...}.");
    JsonbIterator *at = JsonbIteratorInit(&given->root);
    JsonbValue value;
    JsonbIteratorToken token;
    while ((token = JsonbIteratorNext(&at, &value, true)) != WJB_DONE)
        if (token == WJB_KEY) {
            const char *name = pnstrdup(value.val.string.val, value.val.string.len);
            JsonbIteratorNext(&at, &value, true);
            set_option(&options, name, value);
        }
    if (!options.enqueuer_sees && !definer)
        refuse_argument("options", "enqueuer_sees is an option of definers",
                        "Others' jobs run as who enqueues them, and are that role's to see.");
    return options;
}

} // namespace ayb
