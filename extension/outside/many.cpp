// complete_many(), fail_many(), extend_many(): what a worker outside has to say of many of its
// jobs, by one statement.
#include "base/answer.hpp"
#include "base/arguments.hpp"
#include "base/objects.hpp"
#include "base/rights.hpp"
#include "base/rows.hpp"
#include "flows/finish.hpp"
#include "handlers/handlers.hpp"
#include "jobs/finish.hpp"
#include "letters/letters.hpp"
#include "outside/worker.hpp"
#include "pg/arrays.hpp"
#include "pg/clock.hpp"

namespace ayb {

namespace {

// Why these aren't held: the state in which each is, of jobs whose role the caller has or may work
// for.
#define AYB_MAY_KNOW(row, more)                                                                    \
    row ".id = u.id AND ($2 OR " row ".run_as = ANY ($3) OR " AYB_MAY_WORK(row, "$3") ")" more     \
                                                                                      " LIMIT 1"
Sql<UuidArray, bool, OidArray, At> g_states{R"sql(
    SELECT coalesce(
        (SELECT q.state FROM ayb_jobs.job_queue AS q WHERE )sql" AYB_MAY_KNOW("q", "") R"sql(),
        (SELECT 'completed' FROM ayb_jobs.job_history AS j WHERE )sql" AYB_MAY_KNOW(
                                                "j", " AND j.completed_at >= $4") R"sql(),
        'unknown')
    FROM unnest($1) WITH ORDINALITY AS u (id, number) ORDER BY u.number
)sql",
                                            Plan::of_values};
#undef AYB_MAY_KNOW

// The keys of an object, which are the arguments of a call about one job.
enum Argument { kJob, kAttempt, kResult, kError = kResult, kRetryIn, kFinal, kArguments };
constexpr Key kCompleteKeys[] = {{"id", UUIDOID}, {"attempt", INT4OID}, {"result", JSONBOID}};
constexpr Key kFailKeys[] = {{"id", UUIDOID},
                             {"attempt", INT4OID},
                             {"error", TEXTOID},
                             {"retry_in", INTERVALOID},
                             {"final", BOOLOID}};
constexpr Key kExtendKeys[] = {{"id", UUIDOID}, {"attempt", INT4OID}};

// One element, and whether it was done.
struct Element {
    core::Uuid id;
    int run;
    int element;
    bool done;
    NullableDatum value; // the result, or the error as text
    NextTry next;
    TimestampTz retry_at; // DT_NOEND for never
};

// All of them, in the order of their ids; of several about one run the first comes first.
struct Batch {
    const char *worker;
    Oid role;
    TimestampTz now;
    Viewer viewer;
    Element *items;
    int count;

    // An earlier element was about the same run.
    bool repeats(int i) const {
        return i > 0 && items[i - 1].id == items[i].id && items[i - 1].run == items[i].run;
    }
};

int by_run(const void *one, const void *other) {
    const auto *left = static_cast<const Element *>(one);
    const auto *right = static_cast<const Element *>(other);
    if (!(left->id == right->id))
        return left->id < right->id ? -1 : 1;
    if (left->run != right->run)
        return left->run < right->run ? -1 : 1;
    return left->element < right->element ? -1 : left->element > right->element;
}

int by_element(const void *one, const void *other) {
    return static_cast<const Element *>(one)->element -
           static_cast<const Element *>(other)->element;
}

void read_result(FunctionCallInfo call, Element *item, TimestampTz /*now*/) {
    item->value = call->args[kResult];
    if (!item->value.isnull)
        check_json_size(item->value.value, "result");
}

// Clipped as the error of one.
void read_failure(FunctionCallInfo call, Element *item, TimestampTz now, Failure *room) {
    require_argument(call, kError, "error");
    set_failure(room, "", text_argument(call, kError));
    item->value = {CStringGetTextDatum(room->message), false};
    if (call->args[kFinal].isnull)
        call->args[kFinal] = {BoolGetDatum(false), false};
    item->next = next_try_argument(call, kRetryIn, kFinal, now);
}

// The arguments 0 and 1; `read(call, item, now)` reads what is peculiar to the function.
template <typename Read>
Batch read_batch(FunctionCallInfo fcinfo, const Key *keys, int key_count, const Read &read) {
    Batch batch{worker_argument(fcinfo, 0), GetUserId(), clock_now(),
                viewer(Right::read),        nullptr,     0};
    Objects *objects = objects_argument(fcinfo, 1, keys, key_count);
    batch.items = static_cast<Element *>(palloc_extended((objects->count + 1) * sizeof(Element),
                                                         MCXT_ALLOC_HUGE)); // never of nothing
    batch.count = objects->count;
    LOCAL_FCINFO(call, kArguments);
    InitFunctionCallInfoData(*call, fcinfo->flinfo, kArguments, fcinfo->fncollation, nullptr,
                             nullptr);
    each_object(objects, call->args, [&](int number) {
        Element &item = batch.items[number];
        item = {id_argument(call, kJob), 0, number, false, {0, true}, {}, DT_NOEND};
        require_argument(call, kAttempt, "attempt");
        item.run = DatumGetInt32(call->args[kAttempt].value);
        read(call, &item, batch.now);
    });
    qsort(batch.items, batch.count, sizeof(Element), by_run);
    return batch;
}

// What statements take of them. The memory is the books'.
struct Columns {
    ArrayBuildState *ids;
    ArrayBuildState *runs;
    ArrayBuildState *values;
    ArrayBuildState *retry_at;

    void add(const Element &item) {
        add_value(ids, uuid_datum(item.id));
        add_value(runs, Int32GetDatum(item.run));
        add_value(values, item.value.value, item.value.isnull);
        add_time(retry_at, item.retry_at);
    }
};

Columns new_columns(Oid of_values) {
    return {new_column(UUIDOID), new_column(INT4OID), new_column(of_values),
            new_column(TIMESTAMPTZOID)};
}

Columns columns_of(const Batch &batch, Oid of_values) {
    Columns columns = new_columns(of_values);
    for (int i = 0; i < batch.count; i++)
        if (!batch.repeats(i))
            columns.add(batch.items[i]);
    return columns;
}

Columns columns_of_held(const Batch &batch) {
    Columns columns = new_columns(TEXTOID);
    for (int i = 0; i < batch.count; i++)
        if (batch.items[i].done)
            columns.add(batch.items[i]);
    return columns;
}

Runs runs_of(const Batch &batch, const Columns &columns) {
    return {UuidArray(whole_column(columns.ids)), IntArray(whole_column(columns.runs)),
            batch.worker, batch.role};
}

// The first item about the run that a row of the last statement begins with; it is done.
Element *finish_item(const Batch &batch, uint64 row) {
    Element wanted{};
    wanted.element = -1; // before all that are about it
    read_row(row, &wanted.id, &wanted.run);
    int low = 0;
    for (int high = batch.count; low < high;) {
        const int middle = low + (high - low) / 2;
        if (by_run(&batch.items[middle], &wanted) < 0)
            low = middle + 1;
        else
            high = middle;
    }
    batch.items[low].done = true;
    return &batch.items[low];
}

// Counts a row of complete_runs() or fail_runs().
void count_row(uint64 row, Outcome outcome) {
    Oid run_as = InvalidOid;
    char type[kTypeBytes] = "";
    read_column(row, 3, &run_as);
    read_column(row, 4, &type);
    count_outcome(run_as, type, outcome);
}

void complete(const Batch &batch) {
    const Columns columns = columns_of(batch, JSONBOID);
    const uint64 rows =
        complete_runs(runs_of(batch, columns), whole_column(columns.values), batch.now);
    CompletedJobs with_kin{};
    for (uint64 row = 0; row < rows; row++) {
        const Element *item = finish_item(batch, row);
        count_row(row, Outcome::completed);
        add_completed(&with_kin, item->id, item->value.value, item->value.isnull);
    }
    settle_completed(with_kin, batch.now, batch.now);
}

// The back-off depends on the job.
void hold(const Batch &batch) {
    const uint64 rows = hold_runs(runs_of(batch, columns_of(batch, TEXTOID)));
    for (uint64 row = 0; row < rows; row++) {
        char type[kTypeBytes] = "";
        int attempts = 0;
        read_column(row, 3, &type);
        read_column(row, 4, &attempts);
        Element *item = finish_item(batch, row);
        item->retry_at = item->next.of(type, attempts, batch.now).value_or(DT_NOEND);
    }
}

void fail(const Batch &batch) {
    hold(batch);
    const Columns columns = columns_of_held(batch);
    const uint64 rows = fail_runs(runs_of(batch, columns), whole_column(columns.retry_at),
                                  whole_column(columns.values), batch.now);
    ArrayBuildState *letters = new_column(UUIDOID);
    for (uint64 row = 0; row < rows; row++) {
        State state = State::queued;
        core::Uuid id;
        char type[kTypeBytes] = "";
        read_row(row, &id);
        read_column(row, 4, &type);
        read_column(row, 5, &state);
        count_row(row, state == State::failed ? Outcome::failed : Outcome::retried);
        if (state == State::failed && leaves_letter(type))
            add_value(letters, uuid_datum(id));
    }
    if (letters->nelems > 0)
        leave_letters(UuidArray(whole_column(letters)), batch.now);
}

// To extend a lease twice is to extend it.
void extend(const Batch &batch, TimestampTz lease_until) {
    const uint64 rows =
        extend_runs(runs_of(batch, columns_of(batch, TEXTOID)), lease_until, batch.now);
    for (uint64 row = 0; row < rows; row++)
        finish_item(batch, row);
    for (int i = 0; i < batch.count; i++)
        if (batch.repeats(i))
            batch.items[i].done = batch.items[i - 1].done;
}

// What wasn't done, in the order of the array. Inside the books.
void put_refused(Batch *batch, ReturnSetInfo *result) {
    qsort(batch->items, batch->count, sizeof(Element), by_element);
    auto *ids = static_cast<Datum *>(palloc_extended((batch->count + 1) * sizeof(Datum), 0));
    int count = 0;
    for (int i = 0; i < batch->count; i++)
        if (!batch->items[i].done)
            ids[count++] = uuid_datum(batch->items[i].id);
    if (count == 0)
        return;
    const Datum array = PointerGetDatum(uuid_array(ids, count));
    const uint64 rows =
        g_states.run(UuidArray(array), batch->viewer.all, OidArray(batch->viewer.array),
                     first_completion(first_made(array)));
    for (uint64 row = 0; row < rows; row++) {
        Datum values[2] = {ids[row], 0};
        bool nulls[2] = {};
        read_column(row, 1, &values[1]);
        tuplestore_putvalues(result->setResult, result->setDesc, values, nulls);
    }
}

// Does `work` with the jobs, and answers with what wasn't held.
template <typename Work> Datum do_many(FunctionCallInfo fcinfo, Batch *batch, const Work &work) {
    ReturnSetInfo *result = begin_set(fcinfo);
    if (batch->count > 0)
        in_bounded_books([&] {
            work(*batch);
            put_refused(batch, result);
        });
    PG_RETURN_NULL();
}

} // namespace

} // namespace ayb

using namespace ayb;

// complete_many(worker_id, jobs) → setof (id, reason)
AYB_SQL_FUNCTION(ayb_jobs_complete_many) {
    Batch batch = read_batch(fcinfo, kCompleteKeys, lengthof(kCompleteKeys), read_result);
    return do_many(fcinfo, &batch, complete);
}

// fail_many(worker_id, jobs) → setof (id, reason)
AYB_SQL_FUNCTION(ayb_jobs_fail_many) {
    auto *room = static_cast<Failure *>(palloc0(sizeof(Failure)));
    Batch batch = read_batch(fcinfo, kFailKeys, lengthof(kFailKeys),
                             [&](FunctionCallInfo call, Element *item, TimestampTz now) {
                                 read_failure(call, item, now, room);
                             });
    return do_many(fcinfo, &batch, fail);
}

// extend_many(worker_id, jobs, lease) → setof (id, reason)
AYB_SQL_FUNCTION(ayb_jobs_extend_many) {
    Batch batch = read_batch(fcinfo, kExtendKeys, lengthof(kExtendKeys),
                             [](FunctionCallInfo, Element *, TimestampTz) {});
    const TimestampTz lease_until = lease_argument(fcinfo, 2, batch.now);
    return do_many(fcinfo, &batch, [&](const Batch &all) { extend(all, lease_until); });
}
