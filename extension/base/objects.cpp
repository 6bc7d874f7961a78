#include "base/objects.hpp"

#include "base/arguments.hpp"

namespace ayb {

namespace {

const char *known_keys(const Objects &objects) {
    StringInfoData text;
    initStringInfo(&text);
    for (int i = 0; i < objects.key_count; i++)
        appendStringInfo(&text, "%s%s", i > 0 ? ", " : "An object takes ", objects.keys[i].name);
    appendStringInfoChar(&text, '.');
    return text.data;
}

int key_number(const Objects &objects, const JsonbValue &key) {
    const char *name = pnstrdup(key.val.string.val, key.val.string.len);
    for (int i = 0; i < objects.key_count; i++)
        if (strcmp(objects.keys[i].name, name) == 0)
            return i;
    refuse_argument(objects.argument, psprintf("unknown key \"%s\"", name), known_keys(objects));
}

// How a value of the type stands in JSON.
struct Form {
    jbvType type;
    const char *name;
};

Form form_of(Oid type) {
    switch (type) {
    case INT4OID:
        return {jbvNumeric, "a number"};
    case BOOLOID:
        return {jbvBool, "true or false"};
    default:
        return {jbvString, "a string"};
    }
}

// What a key's value is as text, which its type then reads.
char *text_of(const Key &key, const JsonbValue &value) {
    const Form form = form_of(key.type);
    if (value.type != form.type)
        refuse_argument(key.name, psprintf("%s must be %s", key.name, form.name),
                        "null stands for a key that is left out.");
    if (form.type == jbvNumeric)
        return DatumGetCString(
            DirectFunctionCall1(numeric_out, NumericGetDatum(value.val.numeric)));
    if (form.type == jbvBool)
        return pstrdup(value.val.boolean ? "true" : "false");
    return pnstrdup(value.val.string.val, value.val.string.len);
}

// What a type says of a text that it can't read names no argument.
void name_key(void *key) {
    err_generic_string(PG_DIAG_COLUMN_NAME, static_cast<const Key *>(key)->name);
}

void read_value(const Key &key, JsonbValue *value, NullableDatum *into) {
    into->isnull = key.type != JSONBOID && value->type == jbvNull;
    if (into->isnull)
        return;
    if (key.type == JSONBOID) {
        into->value = JsonbPGetDatum(JsonbValueToJsonb(value));
        return;
    }
    Oid input;
    Oid element;
    getTypeInputInfo(key.type, &input, &element);
    char *text = text_of(key, *value);
    ErrorContextCallback named{error_context_stack, name_key, const_cast<Key *>(&key)};
    error_context_stack = &named;
    into->value = OidInputFunctionCall(input, text, element, -1);
    error_context_stack = named.previous;
}

void read_keys(Objects *objects, JsonbContainer *object, NullableDatum *values) {
    JsonbIterator *at = JsonbIteratorInit(object);
    JsonbValue value;
    JsonbIteratorToken token;
    int number = 0;
    while ((token = JsonbIteratorNext(&at, &value, true)) != WJB_DONE) {
        if (token == WJB_KEY) {
            number = key_number(*objects, value);
            objects->key = objects->keys[number].name;
        } else if (token == WJB_VALUE) {
            read_value(objects->keys[number], &value, &values[number]);
        }
    }
    objects->key = nullptr;
}

} // namespace

Objects *objects_argument(FunctionCallInfo fcinfo, int number, const Key *keys, int key_count) {
    require_argument(fcinfo, number, "jobs");
    auto *objects = static_cast<Objects *>(palloc0(sizeof(Objects)));
    objects->argument = "jobs";
    objects->array = PG_GETARG_JSONB_P(number);
    objects->keys = keys;
    objects->key_count = key_count;
    if (!JB_ROOT_IS_ARRAY(objects->array) || JB_ROOT_IS_SCALAR(objects->array))
        refuse_argument("jobs", "jobs must be an array", known_keys(*objects));
    objects->count = static_cast<int>(JB_ROOT_COUNT(objects->array));
    return objects;
}

void read_object(Objects *objects, int number, NullableDatum *values) {
    objects->element = number;
    for (int i = 0; i < objects->key_count; i++)
        values[i] = {0, true};
    const JsonbValue *job = getIthJsonbValueFromContainer(&objects->array->root, number);
    if (job->type != jbvBinary || !JsonContainerIsObject(job->val.binary.data))
        refuse_argument("jobs", "a job must be an object", known_keys(*objects));
    read_keys(objects, job->val.binary.data, values);
}

void read_named(Jsonb *object, const char *argument, const Key *keys, int key_count,
                NullableDatum *values) {
    Objects objects{argument, nullptr, keys, key_count, 1, nullptr, 0, nullptr};
    for (int i = 0; i < key_count; i++)
        values[i] = {0, true};
    if (!JB_ROOT_IS_OBJECT(object))
        refuse_argument(argument, psprintf("%s must be an object", argument), known_keys(objects));
    read_keys(&objects, &object->root, values);
}

void rethrow(const Objects &objects, MemoryContext context) {
    MemoryContextSwitchTo(context);
    ErrorData *error = CopyErrorData();
    FlushErrorState();
    const char *argument = error->column_name != nullptr ? error->column_name : objects.key;
    const bool of_one = argument != nullptr && strcmp(argument, "jobs") != 0;
    error->message = psprintf("jobs[%d]: %s", objects.element, error->message);
    error->column_name =
        psprintf("jobs[%d]%s%s", objects.element, of_one ? "." : "", of_one ? argument : "");
    ReThrowError(error);
}

} // namespace ayb
