// enqueue() and enqueue_or_find(): one row a job, in the caller's transaction.
#include "enqueue/enqueue.hpp"

#include "base/arguments.hpp"
#include "base/columns.hpp"
#include "base/notice.hpp"
#include "enqueue/unique.hpp"
#include "flows/edges.hpp"
#include "handlers/payload.hpp"
#include "jobs/insert.hpp"
#include "pg/clock.hpp"
#include "pg/sql.hpp"
#include "pg/tuples.hpp"

namespace ayb {

namespace {

Sql<Oid, const char *, core::Uuid> g_take_key{R"sql(
    INSERT INTO ayb_jobs.job_keys AS k (run_as, idempotency_key, job_id) VALUES ($1, $2, $3)
    ON CONFLICT (run_as, idempotency_key) DO NOTHING
    RETURNING k.job_id
)sql"};
#define AYB_FREE "k.run_as = $1 AND k.idempotency_key = $2 AND " AYB_NOBODY_HAS("k.job_id")
Sql<Oid, const char *> g_is_free{"SELECT k.job_id FROM ayb_jobs.job_keys AS k WHERE " AYB_FREE};
// Who runs a canceled job again takes its key again, under this lock: what the next statement sees
// stays so.
Sql<Oid, const char *> g_lock_key{R"sql(
    SELECT k.job_id FROM ayb_jobs.job_keys AS k
    WHERE k.run_as = $1 AND k.idempotency_key = $2 FOR UPDATE
)sql"};
Sql<Oid, const char *, core::Uuid> g_reuse_key{
    "UPDATE ayb_jobs.job_keys AS k SET job_id = $3 WHERE " AYB_FREE " RETURNING k.job_id"};
#undef AYB_FREE
Sql<Oid, const char *> g_find_key{R"sql(
    SELECT k.job_id FROM ayb_jobs.job_keys AS k WHERE k.run_as = $1 AND k.idempotency_key = $2
)sql"};
// A job that was written into the table by hand holds its key there alone.
Sql<Oid, const char *> g_find_queued_key{R"sql(
    SELECT q.id FROM ayb_jobs.job_queue AS q
    WHERE q.run_as = $1 AND q.idempotency_key = $2 AND q.registration IS NULL
        AND q.canceled_at IS NULL
)sql"};

const char *key_argument(FunctionCallInfo fcinfo, int number) {
    if (PG_ARGISNULL(number))
        return nullptr;
    check_key(PG_GETARG_DATUM(number), "idempotency_key");
    return text_to_cstring(PG_GETARG_TEXT_PP(number));
}

// Takes it for a new job where its job is canceled or gone. Most are neither, and nobody waits for
// them.
bool reuse_key(Oid role, const char *key, const core::Uuid &id) {
    if (g_is_free.run(role, key) == 0)
        return false;
    g_lock_key.run(role, key);
    return g_reuse_key.run(role, key, id) > 0;
}

// Takes the key for `*id`, or sets `*id` to the job that has it and returns false. Inside the
// books.
bool take_key_inside(Oid role, const char *key, core::Uuid *id) {
    if (g_find_queued_key.run(role, key) == 0) {
        if (g_take_key.run(role, key, *id) > 0)
            return true;
        if (g_find_queued_key.run(role, key) == 0) {
            if (reuse_key(role, key, *id))
                return true;
            if (g_find_key.run(role, key) == 0)
                ereport(ERROR, (errcode(ERRCODE_T_R_SERIALIZATION_FAILURE),
                                errmsg("could not take idempotency_key \"%s\"", key),
                                errhint("Another transaction has just changed it: try again.")));
        }
    }
    read_row(0, id);
    return false;
}

// Of one job, unless another one has the key: then `*id` becomes that one's. Whoever has just taken
// the key, or written it by hand, is waited for as long as the books are patient.
void insert_with_key(const Order &order, const char *key, Datum payload,
                     const NullableDatum *partition_key, core::Uuid *id) {
    in_bounded_books([&] {
        if (!take_key_inside(order.key_owner(), key, id))
            return;
        const Datum id_value = uuid_datum(*id);
        insert_jobs(order, &id_value, &payload, partition_key, 1, key);
    });
}

} // namespace

void check_key(Datum key, const char *name) {
    const Size bytes = toast_raw_datum_size(key) - VARHDRSZ;
    if (bytes > kMaxKeyBytes)
        ereport(ERROR, (errcode(ERRCODE_INVALID_PARAMETER_VALUE),
                        errmsg("%s must be at most %d bytes long", name, kMaxKeyBytes),
                        err_generic_string(PG_DIAG_COLUMN_NAME, name),
                        errdetail("It has %zu.", bytes), errhint("Pass a hash of it.")));
    if (bytes == 0)
        ereport(ERROR,
                (errcode(ERRCODE_INVALID_PARAMETER_VALUE), errmsg("%s must not be empty", name),
                 err_generic_string(PG_DIAG_COLUMN_NAME, name),
                 errhint("Pass NULL for a job without a key.")));
}

namespace {

constexpr int kUniqueKeyArgument = 9;
constexpr int kOptionsArgument = 11;

// The options, of which some are for jobs with a unique key.
Options order_options(FunctionCallInfo fcinfo, const OrderArguments &at) {
    const Options options = options_argument(fcinfo, at.options);
    if (options.on_conflict && (PG_NARGS() <= at.unique_key || PG_ARGISNULL(at.unique_key)))
        refuse_argument("on_conflict", "on_conflict is for jobs with a unique_key",
                        "Pass a unique_key, or leave it out.");
    return options;
}

} // namespace

Order make_order(FunctionCallInfo fcinfo, const char *type, const OrderArguments &at,
                 const char **unhandled) {
    Order order{};
    order.type = type;
    order.now = clock_now();
    order.run_as = requested_role(fcinfo, at.run_as);
    order.run_at = due_argument(fcinfo, at.run_at, at.delay, order.now);
    order.max_attempts = max_attempts_argument(fcinfo, at.max_attempts);
    order.priority = priority_argument(fcinfo, at.priority);
    order.options = order_options(fcinfo, at);
    if (!apply_handler(&order, GetUserId()) &&
        (*unhandled == nullptr || strcmp(*unhandled, type) != 0)) {
        notice_no_handler(type);
        *unhandled = type;
    }
    notice_if_nothing_runs();
    if (order.options.flow)
        require_open_flow(*order.options.flow);
    return order;
}

namespace {

void insert_plain(const Order &order, const char *key, Datum payload,
                  const NullableDatum *partition_key, core::Uuid *id) {
    const Datum id_value = uuid_datum(*id);
    if (key != nullptr)
        insert_with_key(order, key, payload, partition_key, id);
    else
        insert_jobs(order, &id_value, &payload, partition_key, 1, nullptr);
}

// What only a job with a unique key needs.
void insert_by_unique_key(const Order &order, Datum unique_key, const char *key, Datum payload,
                          const NullableDatum *partition_key, core::Uuid *id) {
    check_key(unique_key, "unique_key");
    if (order.options.flow || order.waits_for_jobs)
        refuse_argument(
            "unique_key", "a job with a unique_key can't be a part of a flow",
            "It may be another one that waits already; an idempotency_key is for good.");
    if (key != nullptr)
        refuse_argument("unique_key", "unique_key and idempotency_key can't both be given",
                        "unique_key is for what waits, idempotency_key for good.");
    const UniqueJob job{TextDatumGetCString(unique_key), payload,
                        partition_key != nullptr ? TextDatumGetCString(partition_key->value)
                                                 : nullptr};
    insert_unique(order, job, id);
}

} // namespace

const Key kEnqueueKeys[kEnqueueArguments] = {
    {"type", TEXTOID},          {"payload", JSONBOID},
    {"run_at", TIMESTAMPTZOID}, {"idempotency_key", TEXTOID},
    {"max_attempts", INT4OID},  {"run_as", NAMEOID},
    {"delay", INTERVALOID},     {"priority", INT4OID},
    {"partition_key", TEXTOID}, {"unique_key", TEXTOID},
    {"depends_on", JSONBOID},   {"options", JSONBOID}};

Datum no_payload() {
    JsonbValue none{};
    none.type = jbvObject;
    return JsonbPGetDatum(JsonbValueToJsonb(&none));
}

namespace {

// Whom it waits for, as its arguments or its flow say.
Parents place(FunctionCallInfo fcinfo, const Step *step, Order *order) {
    Parents parents{};
    if (step != nullptr) {
        if (order->options.flow)
            refuse_argument("flow", "a step of a flow can't name another one", "Leave it out.");
        if (order->options.on_parent_failure)
            refuse_argument("on_parent_failure", "on_parent_failure is no option of a step",
                            "It stands beside depends_on.");
        order->options.flow = step->flow;
        order->waits_for_jobs = step->waits;
    } else if (!PG_ARGISNULL(kDependsOnArgument)) {
        parents = find_parents(PG_GETARG_DATUM(kDependsOnArgument), "depends_on");
        order->waits_for_jobs = parents.waits;
    }
    if (order->options.on_parent_failure && parents.count == 0)
        refuse_argument("on_parent_failure", "on_parent_failure is for jobs that wait for others",
                        "Pass depends_on, or leave it out.");
    return parents;
}

// The edges of a new job.
void add_edges(const core::Uuid &id, const Parents &parents, const Order &order) {
    if (parents.count > 0)
        add_parents(id, parents, order.options.on_parent_failure.value_or(OnParentFailure::wait));
    if (order.options.required_by != 0)
        add_to_children(order.options.required_by, id, order.type);
}

} // namespace

core::Uuid enqueue_one(FunctionCallInfo fcinfo, bool *is_new, const char **unhandled,
                       const Step *step) {
    const char *type = type_argument(fcinfo, 0);
    require_argument(fcinfo, 1, "payload");
    check_json_size(PG_GETARG_DATUM(1), "payload");
    const char *key = key_argument(fcinfo, 3);
    Order order =
        make_order(fcinfo, type, {2, 6, 4, 5, 7, kUniqueKeyArgument, kOptionsArgument}, unhandled);
    const Parents parents = place(fcinfo, step, &order);
    const Datum payload = PG_GETARG_DATUM(1);
    const NullableDatum *partition_key = PG_ARGISNULL(8) ? nullptr : &fcinfo->args[8];
    if (partition_key != nullptr)
        check_key(partition_key->value, "partition_key");
    if (order.builtin)
        check_payloads(type, &payload, 1);

    const core::Uuid fresh = new_job_id(order.now);
    core::Uuid id = fresh;
    if (PG_ARGISNULL(kUniqueKeyArgument))
        insert_plain(order, key, payload, partition_key, &id);
    else
        insert_by_unique_key(order, PG_GETARG_DATUM(kUniqueKeyArgument), key, payload,
                             partition_key, &id);
    *is_new = id == fresh;
    if (*is_new)
        add_edges(id, parents, order);
    return id;
}

} // namespace ayb

using namespace ayb;

// enqueue(type, payload, run_at, idempotency_key, max_attempts, run_as, delay, priority,
// partition_key, unique_key, depends_on, options) → uuid
AYB_SQL_FUNCTION(ayb_jobs_enqueue) {
    bool is_new;
    const char *unhandled = nullptr;
    PG_RETURN_DATUM(uuid_datum(enqueue_one(fcinfo, &is_new, &unhandled)));
}

// enqueue_or_find(as enqueue) → (id, is_new)
AYB_SQL_FUNCTION(ayb_jobs_enqueue_or_find) {
    bool is_new;
    const char *unhandled = nullptr;
    const core::Uuid id = enqueue_one(fcinfo, &is_new, &unhandled);
    TupleDesc shape;
    get_call_result_type(fcinfo, nullptr, &shape);
    Datum values[] = {uuid_datum(id), BoolGetDatum(is_new)};
    bool nulls[] = {false, false};
    PG_RETURN_DATUM(make_row(shape, values, nulls));
}
