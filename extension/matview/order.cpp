// refresh_all(): one after the other, in one transaction.
#include "base/arguments.hpp"
#include "base/rights.hpp"
#include "matview/refresh.hpp"
#include "pg/sql.hpp"

namespace ayb {

namespace {

Sql<Oid, bool, const char *> g_order{R"sql(
    SELECT o.id, o.schema_name, o.view_name, o.reads
    FROM ayb_jobs_internal.refresh_order($1, $2) AS o
    WHERE o.schema_name = $3
    ORDER BY o.place
)sql"};

struct Step {
    core::Uuid id;
    const char *schema;
    const char *view;
    core::Uuid *reads; // of other registrations, whether they are a step or not
    int read_count;
    bool failed; // or skipped for one that did
};

struct Steps {
    Step *steps;
    int count;
};

void copy_reads(Datum array, Step *step) {
    Datum *ids;
    deconstruct_array(DatumGetArrayTypeP(array), UUIDOID, UUID_LEN, false, TYPALIGN_CHAR, &ids,
                      nullptr, &step->read_count);
    step->reads = static_cast<core::Uuid *>(palloc(sizeof(core::Uuid) * (step->read_count + 1)));
    for (int i = 0; i < step->read_count; i++)
        step->reads[i] = uuid_value(ids[i]);
}

Step read_step(uint64 row) {
    Step step{};
    Datum reads = 0;
    read_row(row, &step.id, &step.schema, &step.view, &reads);
    copy_reads(reads, &step);
    return step;
}

// The plan lives in the caller's memory.
Steps read_plan(const char *schema) {
    const Oid me = GetUserId();
    const bool all = has_right(me, Right::operate);
    MemoryContext context = CurrentMemoryContext;
    return in_books([=] {
        Steps plan{};
        plan.count = static_cast<int>(g_order.run(me, all, schema));
        MemoryContext before = MemoryContextSwitchTo(context);
        plan.steps = static_cast<Step *>(palloc0(sizeof(Step) * (plan.count + 1)));
        for (int i = 0; i < plan.count; i++)
            plan.steps[i] = read_step(i);
        MemoryContextSwitchTo(before);
        return plan;
    });
}

// The first of what the step reads that is not new; null where all is.
const Step *failed_source(const Steps &plan, const Step &step) {
    for (int i = 0; i < plan.count; i++)
        for (int read = 0; plan.steps[i].failed && read < step.read_count; read++)
            if (plan.steps[i].id == step.reads[read])
                return &plan.steps[i];
    return nullptr;
}

RefreshOutcome skip(const Step &step, const Step &source) {
    RefreshOutcome outcome{};
    outcome.id = step.id;
    outcome.schema = step.schema;
    outcome.view = step.view;
    outcome.status = RefreshStatus::skipped;
    outcome.reason = RefreshReason::source_failed;
    outcome.duration_ms = -1;
    outcome.rows = -1;
    outcome.error =
        psprintf("%s.%s, which it reads, was not refreshed", source.schema, source.view);
    return outcome;
}

void put_outcome(const RefreshOutcome &outcome, ReturnSetInfo *result) {
    Datum values[kOutcomeColumns] = {};
    bool nulls[kOutcomeColumns] = {};
    outcome_columns(outcome, values, nulls);
    tuplestore_putvalues(result->setResult, result->setDesc, values, nulls);
}

} // namespace

} // namespace ayb

using namespace ayb;

// refresh_all(schema_name) → setof refresh_outcome
AYB_SQL_FUNCTION(ayb_jobs_refresh_all) {
    require_argument(fcinfo, 0, "schema_name");
    const Steps plan = read_plan(text_argument(fcinfo, 0));
    ReturnSetInfo *result = begin_set(fcinfo);
    for (int i = 0; i < plan.count; i++) {
        Step &step = plan.steps[i];
        const Step *source = failed_source(plan, step);
        const RefreshOutcome outcome =
            source != nullptr ? skip(step, *source) : refresh_matview(step.id);
        step.failed = source != nullptr || outcome.status == RefreshStatus::error;
        put_outcome(outcome, result);
    }
    PG_RETURN_NULL();
}
