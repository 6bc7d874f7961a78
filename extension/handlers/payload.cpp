#include "handlers/payload.hpp"

namespace ayb {

namespace {

constexpr int kMaxKeys = 6;

struct Shape {
    const char *type;
    const char *keys[kMaxKeys];    // documented
    const char *aliases[kMaxKeys]; // other names of the keys in their places, AYB's among them
    const char *internal;          // a key that only the engine writes
};

constexpr Shape kShapes[] = {
    {"command", {"command"}, {}, nullptr},
    {"materialized_view_refresh",
     {"schema_name", "view_name", "with_dependents"},
     {"schema"},
     "run"},
    {"delete_expired",
     {"table", "column", "older_than", "batch_size", "pause"},
     {nullptr, "timestamp_column"},
     nullptr},
    {"stale_session_cleanup", {"schema_name"}, {"schema"}, "only_table"},
    {"webhook_delivery_prune", {"schema_name", "retention_hours"}, {"schema"}, "only_table"},
    {"expired_oauth_cleanup", {"schema_name"}, {"schema"}, "only_table"},
    {"expired_auth_cleanup", {"schema_name"}, {"schema"}, "only_table"},
};

const Shape *shape_of(const char *type) {
    for (const Shape &shape : kShapes)
        if (strcmp(shape.type, type) == 0)
            return &shape;
    return nullptr;
}

bool is(const char *name, const JsonbValue &key) {
    return name != nullptr && strlen(name) == static_cast<Size>(key.val.string.len) &&
           memcmp(name, key.val.string.val, key.val.string.len) == 0;
}

bool knows(const Shape &shape, const JsonbValue &key) {
    for (int i = 0; i < kMaxKeys; i++)
        if (is(shape.keys[i], key) || is(shape.aliases[i], key))
            return true;
    return is(shape.internal, key);
}

const char *known_keys(const Shape &shape) {
    StringInfoData text;
    initStringInfo(&text);
    for (int i = 0; i < kMaxKeys && shape.keys[i] != nullptr; i++)
        appendStringInfo(&text, "%s%s", i > 0 ? ", " : "", shape.keys[i]);
    return text.data;
}

void check_keys(const Shape &shape, Jsonb *payload) {
    JsonbIterator *at = JsonbIteratorInit(&payload->root);
    JsonbValue value;
    JsonbIteratorToken token;
    while ((token = JsonbIteratorNext(&at, &value, true)) != WJB_DONE)
        if (token == WJB_KEY && !knows(shape, value))
            ereport(ERROR,
                    (errcode(ERRCODE_INVALID_PARAMETER_VALUE),
                     errmsg("the payload of type \"%s\" has an unknown key \"%s\"", shape.type,
                            pnstrdup(value.val.string.val, value.val.string.len)),
                     err_generic_string(PG_DIAG_COLUMN_NAME, "payload"),
                     errhint("It takes %s.", known_keys(shape))));
}

JsonbValue *find_value(Jsonb *payload, const char *key) {
    return getKeyJsonValueFromContainer(&payload->root, key, static_cast<int>(strlen(key)),
                                        nullptr);
}

bool same_value(JsonbValue *one, JsonbValue *other) {
    return compareJsonbContainers(&JsonbValueToJsonb(one)->root, &JsonbValueToJsonb(other)->root) ==
           0;
}

void check_aliases(const Shape &shape, Jsonb *payload) {
    for (int i = 0; i < kMaxKeys; i++) {
        if (shape.aliases[i] == nullptr)
            continue;
        JsonbValue *one = find_value(payload, shape.keys[i]);
        JsonbValue *other = find_value(payload, shape.aliases[i]);
        if (one != nullptr && other != nullptr && !same_value(one, other))
            ereport(ERROR, (errcode(ERRCODE_INVALID_PARAMETER_VALUE),
                            errmsg("the payload of type \"%s\" has different values for %s and %s",
                                   shape.type, shape.keys[i], shape.aliases[i]),
                            err_generic_string(PG_DIAG_COLUMN_NAME, "payload"),
                            errhint("They mean the same: pass %s alone.", shape.keys[i])));
    }
}

void check_payload(const Shape &shape, Jsonb *payload) {
    if (JB_ROOT_IS_SCALAR(payload)) {
        JsonbValue value;
        JsonbExtractScalar(&payload->root, &value);
        if (value.type == jbvNull)
            return;
    }
    if (!JB_ROOT_IS_OBJECT(payload))
        ereport(ERROR, (errcode(ERRCODE_INVALID_PARAMETER_VALUE),
                        errmsg("the payload of type \"%s\" must be an object", shape.type),
                        err_generic_string(PG_DIAG_COLUMN_NAME, "payload"),
                        errhint("It takes %s.", known_keys(shape))));
    check_keys(shape, payload);
    check_aliases(shape, payload);
}

} // namespace

void check_payloads(const char *type, const Datum *payloads, int count) {
    const Shape *shape = shape_of(type);
    for (int i = 0; shape != nullptr && i < count; i++)
        check_payload(*shape, DatumGetJsonbP(payloads[i]));
}

} // namespace ayb
