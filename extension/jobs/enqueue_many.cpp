// enqueue_many(): jobs of one order by their payloads, or each with what it says itself.
#include "base/arguments.hpp"
#include "jobs/enqueue.hpp"
#include "jobs/insert.hpp"
#include "jobs/payload.hpp"
#include "pg/tuples.hpp"

namespace ayb {

namespace {

// The elements of `payloads`, checked; `*count` is set.
Datum *read_payloads(ArrayType *payloads, int *count) {
    if (ARR_NDIM(payloads) > 1)
        ereport(ERROR, (errcode(ERRCODE_ARRAY_SUBSCRIPT_ERROR),
                        errmsg("payloads must have one dimension, not %d", ARR_NDIM(payloads)),
                        err_generic_string(PG_DIAG_COLUMN_NAME, "payloads"),
                        errhint("Pass one element for each job; it may be a JSON array itself.")));
    // Before their sizes are looked at: a NULL has none.
    if (array_contains_nulls(payloads))
        ereport(ERROR,
                (errcode(ERRCODE_NULL_VALUE_NOT_ALLOWED), errmsg("payloads must not contain nulls"),
                 err_generic_string(PG_DIAG_COLUMN_NAME, "payloads"),
                 errhint("Write a JSON null as 'null'::jsonb.")));
    Datum *values;
    deconstruct_array(payloads, JSONBOID, -1, false, TYPALIGN_INT, &values, nullptr, count);
    for (int i = 0; i < *count; i++)
        check_json_size(values[i], "payload");
    return values;
}

Datum *make_ids(int count, TimestampTz at) {
    auto *ids = static_cast<Datum *>(palloc((count + 1) * sizeof(Datum)));
    for (int i = 0; i < count; i++)
        ids[i] = uuid_datum(new_job_id(at));
    return ids;
}

Datum return_ids(FunctionCallInfo fcinfo, const Datum *ids, int count) {
    ReturnSetInfo *result = begin_set(fcinfo);
    for (int i = 0; i < count; i++) {
        bool null = false;
        tuplestore_putvalues(result->setResult, result->setDesc, const_cast<Datum *>(&ids[i]),
                             &null);
    }
    return 0;
}

// The arguments of enqueue() as keys of an object, in their order.
struct Key {
    const char *name;
    Oid type;
};
constexpr Key kKeys[kEnqueueArguments] = {{"type", TEXTOID},          {"payload", JSONBOID},
                                          {"run_at", TIMESTAMPTZOID}, {"idempotency_key", TEXTOID},
                                          {"max_attempts", INT4OID},  {"run_as", NAMEOID},
                                          {"delay", INTERVALOID},     {"priority", INT4OID}};
constexpr int kPayload = 1;

[[noreturn]] void refuse_element(const char *message, const char *column, const char *hint) {
    ereport(ERROR, (errcode(ERRCODE_INVALID_PARAMETER_VALUE), errmsg("%s", message),
                    err_generic_string(PG_DIAG_COLUMN_NAME, column), errhint("%s", hint)));
    pg_unreachable();
}

const char *known_keys() {
    StringInfoData text;
    initStringInfo(&text);
    for (const Key &key : kKeys)
        appendStringInfo(&text, "%s%s", text.len > 0 ? ", " : "An object takes ", key.name);
    appendStringInfoChar(&text, '.');
    return text.data;
}

int key_number(const JsonbValue &key) {
    const char *name = pnstrdup(key.val.string.val, key.val.string.len);
    for (int i = 0; i < kEnqueueArguments; i++)
        if (strcmp(kKeys[i].name, name) == 0)
            return i;
    refuse_element(psprintf("unknown key \"%s\"", name), "jobs", known_keys());
}

// What a key's value is as text, which its type then reads: a number for an integer, else a string.
char *text_of(const Key &key, const JsonbValue &value) {
    const bool number = key.type == INT4OID;
    if (value.type != (number ? jbvNumeric : jbvString))
        refuse_element(psprintf("%s must be a %s", key.name, number ? "number" : "string"),
                       key.name, "null stands for a key that is left out.");
    if (number)
        return DatumGetCString(
            DirectFunctionCall1(numeric_out, NumericGetDatum(value.val.numeric)));
    return pnstrdup(value.val.string.val, value.val.string.len);
}

void set_argument(FunctionCallInfo call, int number, JsonbValue *value) {
    const Key &key = kKeys[number];
    call->args[number].isnull = number != kPayload && value->type == jbvNull;
    if (call->args[number].isnull)
        return;
    if (number == kPayload) {
        call->args[number].value = JsonbPGetDatum(JsonbValueToJsonb(value));
        return;
    }
    Oid input;
    Oid element;
    getTypeInputInfo(key.type, &input, &element);
    call->args[number].value = OidInputFunctionCall(input, text_of(key, *value), element, -1);
}

// Where in `jobs` an error was met. Not on the stack, where a jump may lose it.
struct Reading {
    int element;
    const char *key; // null where it is none's
};

// The call of enqueue() that an object stands for.
void read_job(const JsonbValue &job, FunctionCallInfo call, Reading *reading) {
    for (NullableDatum *argument = call->args; argument < call->args + kEnqueueArguments;
         argument++)
        argument->isnull = true;
    JsonbValue none{};
    none.type = jbvObject; // {}: what enqueue() has for a payload that is left out
    set_argument(call, kPayload, &none);
    if (job.type != jbvBinary || !JsonContainerIsObject(job.val.binary.data))
        refuse_element("a job must be an object", "jobs", known_keys());
    JsonbIterator *at = JsonbIteratorInit(job.val.binary.data);
    JsonbValue value;
    JsonbIteratorToken token;
    int number = 0;
    while ((token = JsonbIteratorNext(&at, &value, true)) != WJB_DONE) {
        if (token == WJB_KEY) {
            number = key_number(value);
            reading->key = kKeys[number].name;
        } else if (token == WJB_VALUE) {
            set_argument(call, number, &value);
        }
    }
    reading->key = nullptr;
}

// Says which element it was: in the message, and in the name of the argument.
[[noreturn]] void rethrow(const Reading &reading, MemoryContext context) {
    MemoryContextSwitchTo(context);
    ErrorData *error = CopyErrorData();
    FlushErrorState();
    const char *argument = error->column_name != nullptr ? error->column_name : reading.key;
    const bool of_one = argument != nullptr && strcmp(argument, "jobs") != 0;
    error->message = psprintf("jobs[%d]: %s", reading.element, error->message);
    error->column_name =
        psprintf("jobs[%d]%s%s", reading.element, of_one ? "." : "", of_one ? argument : "");
    ReThrowError(error);
}

void enqueue_elements(FunctionCallInfo fcinfo, Jsonb *jobs, Datum *ids, int count) {
    LOCAL_FCINFO(call, kEnqueueArguments);
    InitFunctionCallInfoData(*call, fcinfo->flinfo, kEnqueueArguments, fcinfo->fncollation, nullptr,
                             nullptr);
    MemoryContext context = CurrentMemoryContext;
    auto *reading = static_cast<Reading *>(palloc0(sizeof(Reading)));
    PG_TRY();
    {
        const char *unhandled = nullptr;
        for (int i = 0; i < count; i++) {
            bool is_new;
            reading->element = i;
            read_job(*getIthJsonbValueFromContainer(&jobs->root, i), call, reading);
            ids[i] = uuid_datum(enqueue_one(call, &is_new, &unhandled));
        }
    }
    PG_CATCH();
    { rethrow(*reading, context); }
    PG_END_TRY();
}

} // namespace

} // namespace ayb

using namespace ayb;

// enqueue_many(type, payloads, run_at, delay, priority) → setof uuid
AYB_SQL_FUNCTION(ayb_jobs_enqueue_many) {
    const char *type = type_argument(fcinfo, 0);
    require_argument(fcinfo, 1, "payloads");
    int count;
    const char *unhandled = nullptr;
    const Datum *payloads = read_payloads(PG_GETARG_ARRAYTYPE_P(1), &count);
    const Order order = make_order(fcinfo, type, {2, 3, PG_NARGS(), PG_NARGS(), 4}, &unhandled);
    if (order.builtin)
        check_payloads(type, payloads, count);
    Datum *ids = make_ids(count, order.now);
    if (count > 0)
        insert_jobs(order, ids, payloads, count, nullptr);

    return return_ids(fcinfo, ids, count);
}

// enqueue_many(jobs) → setof uuid
AYB_SQL_FUNCTION(ayb_jobs_enqueue_jobs) {
    require_argument(fcinfo, 0, "jobs");
    Jsonb *jobs = PG_GETARG_JSONB_P(0);
    if (!JB_ROOT_IS_ARRAY(jobs) || JB_ROOT_IS_SCALAR(jobs))
        refuse_element("jobs must be an array", "jobs", known_keys());
    const int count = static_cast<int>(JB_ROOT_COUNT(jobs));
    auto *ids = static_cast<Datum *>(palloc((count + 1) * sizeof(Datum)));
    enqueue_elements(fcinfo, jobs, ids, count);
    return return_ids(fcinfo, ids, count);
}
