// enqueue_many(): jobs of one order by their payloads, or each with what it says itself.
#include "base/arguments.hpp"
#include "base/objects.hpp"
#include "enqueue/enqueue.hpp"
#include "handlers/payload.hpp"
#include "jobs/insert.hpp"
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

// The elements of `partition_keys`, checked; null where there are none.
NullableDatum *read_keys(FunctionCallInfo fcinfo, int number, int payloads) {
    constexpr const char *kName = "partition_keys";
    if (PG_ARGISNULL(number))
        return nullptr;
    ArrayType *array = PG_GETARG_ARRAYTYPE_P(number);
    Datum *values;
    bool *nulls;
    int count;
    deconstruct_array(array, TEXTOID, -1, false, TYPALIGN_INT, &values, &nulls, &count);
    if (ARR_NDIM(array) > 1 || count != payloads)
        ereport(ERROR,
                (errcode(ERRCODE_ARRAY_SUBSCRIPT_ERROR),
                 errmsg("partition_keys must have as many elements as payloads: %d", payloads),
                 err_generic_string(PG_DIAG_COLUMN_NAME, kName),
                 errhint("NULL is the element of a job without a key.")));
    auto *keys = static_cast<NullableDatum *>(palloc((count + 1) * sizeof(NullableDatum)));
    for (int i = 0; i < count; i++) {
        keys[i] = {values[i], nulls[i]};
        if (!nulls[i])
            check_key(values[i], kName);
    }
    return keys;
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

// Those with a unique key by type and key, after the others: two callers that sort them alike never
// wait for each other in a circle.
struct Keyed {
    int number;
    const char *type;
    const char *key;
};

const char *string_of(const Objects &jobs, int number, const char *key) {
    const JsonbValue *job = getIthJsonbValueFromContainer(&jobs.array->root, number);
    JsonbValue value;
    if (job->type != jbvBinary || !JsonContainerIsObject(job->val.binary.data) ||
        getKeyJsonValueFromContainer(job->val.binary.data, key, strlen(key), &value) == nullptr ||
        value.type != jbvString)
        return nullptr;
    return pnstrdup(value.val.string.val, value.val.string.len);
}

int compare_keyed(const void *left, const void *right) {
    const auto *a = static_cast<const Keyed *>(left);
    const auto *b = static_cast<const Keyed *>(right);
    if (a->key == nullptr || b->key == nullptr)
        return a->key == b->key ? a->number - b->number : a->key == nullptr ? -1 : 1;
    const int by_type = strcmp(a->type, b->type);
    const int by_key = by_type != 0 ? by_type : strcmp(a->key, b->key);
    return by_key != 0 ? by_key : a->number - b->number;
}

void sort_unique(Objects *jobs) {
    Keyed *all = nullptr;
    for (int i = 0; i < jobs->count; i++) {
        const char *key = string_of(*jobs, i, "unique_key");
        if (key == nullptr)
            continue;
        if (all == nullptr) {
            all = static_cast<Keyed *>(palloc0(jobs->count * sizeof(Keyed)));
            for (int n = 0; n < jobs->count; n++)
                all[n] = {n, "", nullptr};
        }
        const char *type = string_of(*jobs, i, "type");
        all[i] = {i, type != nullptr ? type : "", key};
    }
    if (all == nullptr)
        return;
    qsort(all, jobs->count, sizeof(Keyed), compare_keyed);
    jobs->order = static_cast<int *>(palloc(jobs->count * sizeof(int)));
    for (int i = 0; i < jobs->count; i++)
        jobs->order[i] = all[i].number;
}

void enqueue_objects(FunctionCallInfo fcinfo, Objects *jobs, Datum *ids) {
    LOCAL_FCINFO(call, kEnqueueArguments);
    InitFunctionCallInfoData(*call, fcinfo->flinfo, kEnqueueArguments, fcinfo->fncollation, nullptr,
                             nullptr);
    const char *unhandled = nullptr;
    sort_unique(jobs);
    each_object(jobs, call->args, [&](int number) {
        bool is_new;
        if (call->args[kPayloadArgument].isnull)
            call->args[kPayloadArgument] = {no_payload(), false};
        NullableDatum *parents = &call->args[kDependsOnArgument];
        parents->value = ids_of_json(*parents, "depends_on");
        parents->isnull = parents->value == 0;
        ids[number] = uuid_datum(enqueue_one(call, &is_new, &unhandled));
    });
}

} // namespace

} // namespace ayb

using namespace ayb;

// enqueue_many(type, payloads, run_at, delay, priority, partition_keys, options) → setof uuid
AYB_SQL_FUNCTION(ayb_jobs_enqueue_many) {
    const char *type = type_argument(fcinfo, 0);
    require_argument(fcinfo, 1, "payloads");
    int count;
    const char *unhandled = nullptr;
    const Datum *payloads = read_payloads(PG_GETARG_ARRAYTYPE_P(1), &count);
    const NullableDatum *keys = read_keys(fcinfo, 5, count);
    const Order order =
        make_order(fcinfo, type, {2, 3, PG_NARGS(), PG_NARGS(), 4, PG_NARGS(), 6}, &unhandled);
    if (order.options.on_parent_failure || order.options.required_by != 0)
        refuse_argument(order.options.required_by != 0 ? "required_by" : "on_parent_failure",
                        "jobs of one call wait for no others",
                        "Pass an array of objects, each with its depends_on and options.");
    if (order.builtin)
        check_payloads(type, payloads, count);
    Datum *ids = make_ids(count, order.now);
    if (count > 0)
        insert_jobs(order, ids, payloads, keys, count, nullptr);

    return return_ids(fcinfo, ids, count);
}

// enqueue_many(jobs) → setof uuid
AYB_SQL_FUNCTION(ayb_jobs_enqueue_jobs) {
    Objects *jobs = objects_argument(fcinfo, 0, kEnqueueKeys, kEnqueueArguments);
    auto *ids = static_cast<Datum *>(palloc((jobs->count + 1) * sizeof(Datum)));
    enqueue_objects(fcinfo, jobs, ids);
    return return_ids(fcinfo, ids, jobs->count);
}
