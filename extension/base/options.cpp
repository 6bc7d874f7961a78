#include "base/options.hpp"

#include "base/arguments.hpp"
#include "base/objects.hpp"
#include "pg/arrays.hpp"
#include "pg/clock.hpp"

namespace ayb {

namespace {

enum Option {
    kExpiresAt,
    kMeta,
    kOnConflict,
    kMaxDelay,
    kOnParentFailure,
    kFlow,
    kRequiredBy,
    kOptions
};
constexpr Key kKeys[kOptions] = {{"expires_at", TIMESTAMPTZOID}, {"meta", JSONBOID},
                                 {"on_conflict", TEXTOID},       {"max_delay", INTERVALOID},
                                 {"on_parent_failure", TEXTOID}, {"flow", UUIDOID},
                                 {"required_by", JSONBOID}};

char *g_meta = nullptr; // the setting

// SQL's NULL, or JSON's: what is left out.
bool is_none(const NullableDatum &value) {
    if (value.isnull)
        return true;
    JsonbValue scalar;
    return JsonbExtractScalar(&DatumGetJsonbP(value.value)->root, &scalar) &&
           scalar.type == jbvNull;
}

void check_meta(Datum meta, const char *what) {
    if (!JB_ROOT_IS_OBJECT(DatumGetJsonbP(meta)))
        refuse_argument("meta", psprintf("%s must be an object", what),
                        "It takes {\"name\": value, ...}.");
    const Size bytes = VARSIZE(DatumGetPointer(meta));
    if (bytes > kMaxMetaBytes)
        ereport(ERROR, (errcode(ERRCODE_PROGRAM_LIMIT_EXCEEDED), errmsg("%s is too large", what),
                        err_generic_string(PG_DIAG_COLUMN_NAME, "meta"),
                        errdetail("It has %zu bytes; %zu are allowed.", bytes, kMaxMetaBytes),
                        errhint("What a handler works on belongs into the payload.")));
}

void name_setting(void * /*argument*/) { errcontext("setting ayb_jobs.meta"); }

void check_deadline(TimestampTz at) {
    if (TIMESTAMP_NOT_FINITE(at))
        ereport(ERROR,
                (errcode(ERRCODE_DATETIME_VALUE_OUT_OF_RANGE), errmsg("expires_at is out of range"),
                 err_generic_string(PG_DIAG_COLUMN_NAME, "expires_at"),
                 errhint("Leave it out for a job without a deadline.")));
}

// What the job names itself counts.
Datum merged(Datum session, Datum own) {
    if (session == 0)
        return own;
    const Datum meta = DirectFunctionCall2(jsonb_concat, session, own);
    check_meta(meta, "meta");
    return meta;
}

OnConflict read_on_conflict(Datum value) {
    OnConflict found;
    if (!core::find_word(TextDatumGetCString(value), &found))
        refuse_argument(
            "on_conflict", "on_conflict must be keep, replace or debounce",
            "keep leaves the job that waits as it is, replace gives it what the call says, "
            "debounce does so too, up to max_delay after its creation.");
    return found;
}

int64 read_max_delay(Datum value) {
    const int64 delay = interval_milliseconds(DatumGetIntervalP(value));
    if (delay <= 0)
        refuse_argument("max_delay", "max_delay must be positive",
                        "It is how long after its creation a job may be put off.");
    return delay;
}

void read_conflict(const NullableDatum *values, Options *options) {
    if (!values[kOnConflict].isnull)
        options->on_conflict = read_on_conflict(values[kOnConflict].value);
    if (!values[kMaxDelay].isnull)
        options->max_delay_ms = read_max_delay(values[kMaxDelay].value);
    if (options->max_delay_ms && options->on_conflict != OnConflict::debounce)
        refuse_argument("max_delay", "max_delay is for on_conflict debounce",
                        "Leave it out otherwise.");
}

void read_options(Datum argument, Options *options) {
    NullableDatum values[kOptions];
    read_named(DatumGetJsonbP(argument), "options", kKeys, kOptions, values);
    if (!values[kExpiresAt].isnull) {
        options->expires_at = DatumGetTimestampTz(values[kExpiresAt].value);
        check_deadline(*options->expires_at);
    }
    read_conflict(values, options);
    if (!values[kOnParentFailure].isnull)
        options->on_parent_failure = read_on_parent_failure(values[kOnParentFailure].value);
    if (!values[kFlow].isnull)
        options->flow = uuid_value(values[kFlow].value);
    options->required_by = ids_of_json(values[kRequiredBy], "required_by");
    if (is_none(values[kMeta]))
        return;
    check_meta(values[kMeta].value, "meta");
    options->meta = merged(options->meta, values[kMeta].value);
}

// As of a value that is read where its argument is known.
void name_argument_of(void *argument) {
    err_generic_string(PG_DIAG_COLUMN_NAME, static_cast<const char *>(argument));
}

} // namespace

Datum meta_of_session() {
    if (*g_meta == '\0')
        return 0;
    ErrorContextCallback callback{error_context_stack, name_setting, nullptr};
    error_context_stack = &callback;
    const Datum meta = DirectFunctionCall1(jsonb_in, CStringGetDatum(g_meta));
    check_meta(meta, "ayb_jobs.meta");
    error_context_stack = callback.previous;
    return meta;
}

Datum ids_of_json(const NullableDatum &value, const char *argument) {
    constexpr const char *kHint = "It takes [\"id of a job\", ...].";
    if (is_none(value))
        return 0;
    Jsonb *array = DatumGetJsonbP(value.value);
    if (!JB_ROOT_IS_ARRAY(array) || JB_ROOT_IS_SCALAR(array))
        refuse_argument(argument, psprintf("%s must be an array", argument), kHint);
    ArrayBuildState *ids = new_column(UUIDOID);
    for (uint32 i = 0; i < JB_ROOT_COUNT(array); i++) {
        const JsonbValue *id = getIthJsonbValueFromContainer(&array->root, i);
        if (id->type != jbvString)
            refuse_argument(argument, psprintf("%s must be an array of strings", argument), kHint);
        ErrorContextCallback named{error_context_stack, name_argument_of,
                                   const_cast<char *>(argument)};
        error_context_stack = &named;
        add_value(ids, DirectFunctionCall1(uuid_in, CStringGetDatum(pnstrdup(id->val.string.val,
                                                                             id->val.string.len))));
        error_context_stack = named.previous;
    }
    return whole_column(ids);
}

OnParentFailure read_on_parent_failure(Datum value) {
    OnParentFailure found;
    if (!core::find_word(TextDatumGetCString(value), &found))
        refuse_argument("on_parent_failure", "on_parent_failure must be wait, run or cancel",
                        "wait is for the failed parent to be retried, run goes on whatever became "
                        "of it, cancel ends the job.");
    return found;
}

Options options_argument(FunctionCallInfo fcinfo, int number) {
    Options options{};
    options.meta = meta_of_session();
    if (!is_none(fcinfo->args[number]))
        read_options(PG_GETARG_DATUM(number), &options);
    return options;
}

void define_meta() {
    DefineCustomStringVariable("ayb_jobs.meta", "What each job of the session carries as its meta.",
                               "A JSON object; what a job names itself counts.", &g_meta, "",
                               PGC_USERSET, 0, nullptr, nullptr, nullptr);
}

} // namespace ayb
