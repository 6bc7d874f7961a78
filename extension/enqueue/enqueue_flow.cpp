// enqueue_flow(): jobs that wait for each other, by names.
#include "base/arguments.hpp"
#include "core/topology.hpp"
#include "enqueue/enqueue.hpp"
#include "flows/edges.hpp"
#include "pg/arrays.hpp"
#include "pg/clock.hpp"
#include "pg/wall.hpp"

namespace ayb {

namespace {

// The keys of a step: those of enqueue(), and these.
constexpr int kPolicy = kEnqueueArguments;
constexpr int kName = kEnqueueArguments + 1;
constexpr int kKeys = kEnqueueArguments + 2;

// A step as its object describes it, in palloc'd memory.
struct Named {
    const char *name;
    int *parents; // numbers of steps
    int parent_count;
    ArrayBuildState *others; // ids of jobs that are no steps; null for none
    bool star;               // waits for all others
    const char *type;
    core::Uuid id; // once it is enqueued
    bool is_new;
};

struct Flow {
    Objects *objects;
    Named *steps;
    int count;
    HTAB *names;
};

struct NameEntry {
    char name[NAMEDATALEN * 8]; // of a hundred characters
    int step;
};

HTAB *make_names(int count) {
    HASHCTL control{};
    control.keysize = sizeof(NameEntry::name);
    control.entrysize = sizeof(NameEntry);
    control.hcxt = CurrentMemoryContext;
    return hash_create("steps of a flow", Max(count, 16), &control,
                       HASH_ELEM | HASH_STRINGS | HASH_CONTEXT);
}

// A key of the object as text; null where it has none, or another value.
const char *text_of(const JsonbValue &job, const char *key) {
    JsonbValue value;
    if (getKeyJsonValueFromContainer(job.val.binary.data, key, static_cast<int>(strlen(key)),
                                     &value) == nullptr ||
        value.type != jbvString)
        return nullptr;
    return pnstrdup(value.val.string.val, value.val.string.len);
}

void check_name(const char *name) {
    if (name == nullptr || name[0] == '\0' || strcmp(name, "*") == 0 ||
        pg_mbstrlen(name) > kMaxNameCharacters)
        refuse_argument("name", "a step needs a name of 1 to 100 characters, other than *",
                        "By it other steps say that they wait for this one.");
}

void enter_name(Flow *flow, int number) {
    bool found;
    auto *entry = static_cast<NameEntry *>(
        hash_search(flow->names, flow->steps[number].name, HASH_ENTER, &found));
    if (found)
        refuse_argument("name",
                        psprintf("the name \"%s\" stands there twice", flow->steps[number].name),
                        "Each step of a flow has a name of its own.");
    entry->step = number;
}

void read_name(Flow *flow, int number) {
    const JsonbValue *job = getIthJsonbValueFromContainer(&flow->objects->array->root, number);
    if (job->type != jbvBinary || !JsonContainerIsObject(job->val.binary.data))
        refuse_argument("jobs", "a job must be an object",
                        "It takes {\"name\": ..., \"type\": ...}.");
    Named &step = flow->steps[number];
    step.name = text_of(*job, "name");
    check_name(step.name);
    step.type = text_of(*job, "type");
    enter_name(flow, number);
}

// By its usual form alone: other texts may be names that were misspelled.
bool read_uuid(const char *text, core::Uuid *id) {
    if (strlen(text) != kUuidCharacters ||
        strspn(text, "0123456789abcdefABCDEF-") < kUuidCharacters)
        return false;
    *id = uuid_value(DirectFunctionCall1(uuid_in, CStringGetDatum(text)));
    return true;
}

// What is the name of no step is the id of a job that is there already.
void read_parent(Flow *flow, Named *step, const char *name) {
    if (const void *found = hash_search(flow->names, name, HASH_FIND, nullptr)) {
        step->parents[step->parent_count++] = static_cast<const NameEntry *>(found)->step;
        return;
    }
    core::Uuid id;
    if (!read_uuid(name, &id))
        ereport(ERROR, (errcode(ERRCODE_NO_DATA_FOUND), errmsg("there is no step \"%s\"", name),
                        err_generic_string(PG_DIAG_COLUMN_NAME, "depends_on"),
                        errhint("It takes names of steps of this flow, ids of jobs, or \"*\".")));
    if (step->others == nullptr)
        step->others = new_column(UUIDOID);
    add_value(step->others, uuid_datum(id));
}

int compare_numbers(const void *one, const void *other) {
    return *static_cast<const int *>(one) - *static_cast<const int *>(other);
}

// A name that stands there twice counts once.
void drop_repeats(Named *step) {
    if (step->parent_count > 0)
        qsort(step->parents, step->parent_count, sizeof(int), compare_numbers);
    int kept = 0;
    for (int i = 0; i < step->parent_count; i++)
        if (i == 0 || step->parents[i] != step->parents[i - 1])
            step->parents[kept++] = step->parents[i];
    step->parent_count = kept;
}

void read_parents(Flow *flow, int number) {
    constexpr const char *kHint = "It takes [\"name of a step\", ...], or [\"*\"] for all others.";
    const JsonbValue *job = getIthJsonbValueFromContainer(&flow->objects->array->root, number);
    Named *step = &flow->steps[number];
    JsonbValue value;
    if (getKeyJsonValueFromContainer(job->val.binary.data, "depends_on", 10, &value) == nullptr ||
        value.type == jbvNull)
        return;
    if (value.type != jbvBinary || !JsonContainerIsArray(value.val.binary.data) ||
        JsonContainerIsScalar(value.val.binary.data))
        refuse_argument("depends_on", "depends_on must be an array", kHint);
    JsonbContainer *names = value.val.binary.data;
    const auto count = static_cast<int>(JsonContainerSize(names));
    step->parents = static_cast<int *>(palloc((count + 1) * sizeof(int)));
    for (int i = 0; i < count; i++) {
        const JsonbValue *name = getIthJsonbValueFromContainer(names, i);
        if (name->type != jbvString)
            refuse_argument("depends_on", "depends_on must be an array of strings", kHint);
        const char *text = pnstrdup(name->val.string.val, name->val.string.len);
        if (strcmp(text, "*") != 0)
            read_parent(flow, step, text);
        else if (count > 1)
            refuse_argument("depends_on", "* stands for all others, and stands alone", kHint);
        else
            step->star = true;
    }
    drop_repeats(step);
}

void read_each(Flow *flow, void (*read)(Flow *, int)) {
    MemoryContext context = CurrentMemoryContext;
    PG_TRY();
    {
        for (int i = 0; i < flow->count; i++) {
            CHECK_FOR_INTERRUPTS();
            flow->objects->element = i;
            flow->objects->key = nullptr;
            read(flow, i);
        }
    }
    PG_CATCH();
    { rethrow(*flow->objects, context); }
    PG_END_TRY();
}

// Two of these would wait for each other; they are refused before anything grows with their number.
void refuse_second_star(const Flow &flow) {
    const Named *first = nullptr;
    for (const Named *step = flow.steps; step < flow.steps + flow.count; step++) {
        if (step->star && first != nullptr)
            refuse_argument("depends_on",
                            psprintf("steps wait for each other: both \"%s\" and \"%s\" wait for "
                                     "all others",
                                     first->name, step->name),
                            "One of them has to name those that it waits for.");
        if (step->star)
            first = step;
    }
}

core::Steps steps_of(const Flow &flow) {
    core::Steps after(flow.count);
    for (int i = 0; i < flow.count; i++) {
        const Named &step = flow.steps[i];
        after[i].assign(step.parents, step.parents + step.parent_count);
        for (int other = 0; step.star && other < flow.count; other++)
            if (other != i)
                after[i].push_back(other);
    }
    return after;
}

struct Sorted {
    int *steps;
    int count;
    bool cyclic; // then they are those of a cycle
};

Sorted sort(const Flow &flow) {
    Sorted sorted{static_cast<int *>(palloc((flow.count + 1) * sizeof(int))), 0, false};
    CoreFailure failure;
    const bool good = within_wall(&failure, [&] {
        const core::Topology topology = core::sort_steps(steps_of(flow));
        sorted.cyclic = !topology.cycle.empty();
        for (const int step : sorted.cyclic ? topology.cycle : topology.order)
            sorted.steps[sorted.count++] = step;
    });
    if (!good)
        raise_failure(failure, "jobs");
    return sorted;
}

[[noreturn]] void refuse_cycle(const Flow &flow, const Sorted &cycle) {
    constexpr int kNamed = 10;
    StringInfoData names;
    initStringInfo(&names);
    for (int i = 0; i < Min(cycle.count, kNamed); i++)
        appendStringInfo(&names, "\"%s\" after ", flow.steps[cycle.steps[i]].name);
    if (cycle.count > kNamed)
        appendStringInfo(&names, "%d others after ", cycle.count - kNamed);
    appendStringInfo(&names, "\"%s\"", flow.steps[cycle.steps[0]].name);
    ereport(ERROR, (errcode(ERRCODE_INVALID_PARAMETER_VALUE),
                    errmsg("steps wait for each other: %s", names.data),
                    err_generic_string(PG_DIAG_COLUMN_NAME, "depends_on"),
                    errhint("One of them has to go without another; * is all others.")));
    pg_unreachable();
}

OnParentFailure policy_of(const NullableDatum &value, const Named &step) {
    if (value.isnull)
        return OnParentFailure::wait;
    if (step.parent_count == 0 && step.others == nullptr && !step.star)
        refuse_argument("on_parent_failure", "on_parent_failure is for jobs that wait for others",
                        "Pass depends_on, or leave it out.");
    return read_on_parent_failure(value.value);
}

// Jobs that were there before: by their ids, or found by an idempotency key.
Parents find_others(const Flow &flow, Named *step) {
    for (int i = 0; i < step->parent_count; i++) {
        const Named &parent = flow.steps[step->parents[i]];
        if (parent.is_new)
            continue;
        if (step->others == nullptr)
            step->others = new_column(UUIDOID);
        add_value(step->others, uuid_datum(parent.id));
    }
    return step->others == nullptr ? Parents{}
                                   : find_parents(whole_column(step->others), "depends_on");
}

// The last of its parents that are new, whose id is the highest of theirs; null for none.
const Named *last_new(const Flow &flow, const Named &step) {
    const Named *last = nullptr;
    for (int i = 0; i < step.parent_count; i++) {
        const Named *parent = &flow.steps[step.parents[i]];
        if (parent->is_new && (last == nullptr || last->id < parent->id))
            last = parent;
    }
    return last;
}

void refuse_found(const Named &step) {
    ereport(ERROR, (errcode(ERRCODE_OBJECT_NOT_IN_PREREQUISITE_STATE),
                    errmsg("step \"%s\" was enqueued before, by its idempotency_key", step.name),
                    err_generic_string(PG_DIAG_COLUMN_NAME, "idempotency_key"),
                    errhint("What is there already can't be made to wait for others.")));
}

// The edges of a step that was enqueued.
void connect(const Flow &flow, const core::Uuid &id, const Named &step, Parents others,
             OnParentFailure policy, Edges *edges) {
    const Named *last = last_new(flow, step);
    const bool other_last = others.waits && (last == nullptr || last->id < others.watched);
    for (int i = 0; i < step.parent_count; i++) {
        const Named &parent = flow.steps[step.parents[i]];
        if (parent.is_new)
            add_edge(edges, {step.id, parent.id, parent.name, parent.type, policy,
                             !other_last && &parent == last});
    }
    others.waits = other_last;
    if (others.count > 0)
        add_parents(step.id, others, policy);
    if (step.star)
        add_star(step.id, id, policy);
}

void enqueue_step(const Flow &flow, const core::Uuid &id, FunctionCallInfo call, Named *step,
                  const char **unhandled, Edges *edges) {
    const OnParentFailure policy = policy_of(call->args[kPolicy], *step);
    const Parents others = find_others(flow, step);
    if (call->args[kPayloadArgument].isnull)
        call->args[kPayloadArgument] = {no_payload(), false};
    call->args[kDependsOnArgument] = {0, true};
    const bool waits = step->star || others.waits || last_new(flow, *step) != nullptr;
    const Step placed{id, waits};
    step->id = enqueue_one(call, &step->is_new, unhandled, &placed);
    if (step->is_new)
        connect(flow, id, *step, others, policy, edges);
    else if (step->star || step->others != nullptr || step->parent_count > 0)
        refuse_found(*step);
}

void write_names(StringInfo text, const Flow &flow, const Named &step) {
    if (step.star)
        appendStringInfoString(text, "\"*\"");
    for (int i = 0; i < step.parent_count; i++) {
        if (i > 0)
            appendStringInfoChar(text, ',');
        escape_json(text, flow.steps[step.parents[i]].name);
    }
}

// What flow() shows of the steps, in their order.
Datum describe(const Flow &flow, const Sorted &sorted) {
    StringInfoData text;
    initStringInfo(&text);
    appendStringInfoChar(&text, '[');
    for (int i = 0; i < sorted.count; i++) {
        const Named &step = flow.steps[sorted.steps[i]];
        appendStringInfoString(&text, i > 0 ? ",{\"name\":" : "{\"name\":");
        escape_json(&text, step.name);
        appendStringInfo(&text, ",\"id\":\"%s\",\"after\":[", uuid_text(step.id));
        write_names(&text, flow, step);
        appendStringInfoString(&text, "]}");
    }
    appendStringInfoChar(&text, ']');
    return DirectFunctionCall1(jsonb_in, CStringGetDatum(text.data));
}

// By itself, so that its errors name no argument of a step.
Flow read_flow(FunctionCallInfo fcinfo, const Key *keys) {
    Flow flow{};
    flow.objects = objects_argument(fcinfo, 0, keys, kKeys);
    flow.count = flow.objects->count;
    if (flow.count == 0)
        refuse_argument("jobs", "a flow needs a job", "It takes [{\"name\": ..., \"type\": ...}].");
    flow.steps = static_cast<Named *>(
        palloc_extended(flow.count * sizeof(Named), MCXT_ALLOC_HUGE | MCXT_ALLOC_ZERO));
    flow.names = make_names(flow.count);
    read_each(&flow, read_name);
    read_each(&flow, read_parents);
    return flow;
}

const char *flow_name(FunctionCallInfo fcinfo) {
    return PG_ARGISNULL(1)
               ? nullptr
               : name_argument(fcinfo, 1, "name", "Leave it out for a flow without one.");
}

Sorted sort_or_refuse(const Flow &flow) {
    refuse_second_star(flow);
    const Sorted sorted = sort(flow);
    if (sorted.cyclic)
        refuse_cycle(flow, sorted);
    flow.objects->order = sorted.steps;
    return sorted;
}

} // namespace

} // namespace ayb

using namespace ayb;

// enqueue_flow(jobs, name) → uuid
AYB_SQL_FUNCTION(ayb_jobs_enqueue_flow) {
    Key keys[kKeys];
    memcpy(keys, kEnqueueKeys, sizeof(kEnqueueKeys));
    keys[kPolicy] = {"on_parent_failure", TEXTOID};
    keys[kName] = {"name", TEXTOID};
    const char *name = flow_name(fcinfo);
    Flow flow = read_flow(fcinfo, keys);
    const Sorted sorted = sort_or_refuse(flow);
    const TimestampTz now = clock_now();
    const core::Uuid id = new_job_id(now);
    Edges edges = new_edges();
    const char *unhandled = nullptr;
    LOCAL_FCINFO(call, kKeys);
    InitFunctionCallInfoData(*call, fcinfo->flinfo, kEnqueueArguments, fcinfo->fncollation, nullptr,
                             nullptr);
    each_object(flow.objects, call->args, [&](int number) {
        enqueue_step(flow, id, call, &flow.steps[number], &unhandled, &edges);
    });
    write_edges(edges);
    write_flow(id, name, GetUserId(), now, describe(flow, sorted));
    PG_RETURN_DATUM(uuid_datum(id));
}
