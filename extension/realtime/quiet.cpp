// A statement on a table that nobody listens to doesn't call its trigger for each row: to queue it,
// fetch the row again and call a function takes several times what the function does. What a
// statement executes is a copy of the table's triggers, made for it: in that ours is off, and the
// statement notes once what each row would. COPY makes its copy by itself, from the cache, where
// ours is off for as long; so do partitions that rows are led to (still.hpp). Once a transaction
// has noted a table, whoever begins to listen before its commit reads again, so that nothing more
// of it need be captured. What replication writes calls the trigger.
#include "pg/relation.hpp"
#include "realtime/notes.hpp"
#include "realtime/still.hpp"

namespace ayb {

namespace {

constexpr double kMany = 64; // rows, for which it pays to look at partitions that may get some

ExecutorStart_hook_type g_next_start;
ProcessUtility_hook_type g_next_utility;

// In a copy that was made of a partition that is still, its triggers are on.
void wake_copy(Oid relation, TriggerDesc *triggers) {
    for (int i = 0; triggers != nullptr && i < triggers->numtriggers; i++) {
        const Oid trigger = triggers->triggers[i].tgoid;
        if (is_still(relation, trigger))
            switch_trigger(triggers, trigger, TRIGGER_DISABLED, TRIGGER_FIRES_ALWAYS);
    }
}

// What the table is known as, where nobody listens to it.
const Published *unheard(Relation relation, const Trigger &trigger) {
    Published *known = published(relation, &trigger);
    if (known == nullptr)
        wake_all_partitions(); // it is not known whose they are
    else if (is_heard(known))
        wake_partitions(known->table);
    else
        return known;
    return nullptr;
}

bool is_partitioned(Relation relation) {
    return relation->rd_rel->relkind == RELKIND_PARTITIONED_TABLE;
}

// Switches ours off in a copy of a table's triggers; with `many`, in its partitions too.
void quieten(Relation relation, TriggerDesc *triggers, bool many) {
    bool any = false;
    for (int i = 0; triggers != nullptr && i < triggers->numtriggers; i++) {
        Trigger &trigger = triggers->triggers[i];
        if (trigger.tgenabled != TRIGGER_FIRES_ALWAYS || !is_capturing(trigger.tgfoid))
            continue;
        any = true;
        const Published *known = unheard(relation, trigger);
        if (known == nullptr)
            continue;
        note_unheard(known->table);
        trigger.tgenabled = TRIGGER_DISABLED;
        if (many && is_partitioned(relation))
            still_all(relation, known->table);
    }
    if (any)
        look_for_row_triggers(triggers);
    else if (is_partitioned(relation))
        wake_all_partitions(); // a table below it may be enabled
}

bool writes_many(const Plan *plan) {
    if (IsA(plan, ModifyTable))
        plan = outerPlan(plan);
    return plan != nullptr && plan->plan_rows >= kMany;
}

void on_start(QueryDesc *query, int flags) {
    if (g_next_start != nullptr)
        g_next_start(query, flags);
    else
        standard_ExecutorStart(query, flags);
    List *tables = query->estate->es_opened_result_relations;
    if (tables == NIL || (flags & EXEC_FLAG_EXPLAIN_ONLY) != 0)
        return;
    const bool many = writes_many(query->plannedstmt->planTree);
    ListCell *cell;
    foreach (cell, tables) { // all of them, before the first is found to be listened to
        const auto *table = static_cast<ResultRelInfo *>(lfirst(cell));
        wake_copy(RelationGetRelid(table->ri_RelationDesc), table->ri_TrigDesc);
    }
    foreach (cell, tables) {
        const auto *table = static_cast<ResultRelInfo *>(lfirst(cell));
        quieten(table->ri_RelationDesc, table->ri_TrigDesc, many);
    }
}

// The table of a COPY, opened and locked as COPY does; null where that will be refused.
Relation target_of(const CopyStmt &copy) {
    if (!copy.is_from || copy.relation == nullptr || XactReadOnly || !preloaded())
        return nullptr;
    const Oid oid = RangeVarGetRelid(copy.relation, NoLock, true);
    if (!OidIsValid(oid) || pg_class_aclcheck(oid, GetUserId(), ACL_INSERT) != ACLCHECK_OK)
        return nullptr;
    return try_relation_open(oid, RowExclusiveLock);
}

// Switches ours off in the cache of what the table is, if rows can be of it; gives back which.
List *quieten_target(Relation target) {
    TriggerDesc *copy = triggers_of(target);
    wake_copy(RelationGetRelid(target), copy);
    quieten(target, copy, true);
    List *off = NIL;
    if (is_partitioned(target))
        return off;
    for (int i = 0; copy != nullptr && i < copy->numtriggers; i++) {
        const Trigger &trigger = copy->triggers[i];
        if (trigger.tgenabled == TRIGGER_DISABLED && is_capturing(trigger.tgfoid) &&
            switch_trigger(target->trigdesc, trigger.tgoid, TRIGGER_FIRES_ALWAYS, TRIGGER_DISABLED))
            off = lappend_oid(off, trigger.tgoid);
    }
    return off;
}

ProcessUtility_hook_type next_utility() {
    return g_next_utility != nullptr ? g_next_utility : standard_ProcessUtility;
}

// Null for all but a COPY, too. Not a part of what longjmp comes back to.
pg_noinline Relation copied_table(Node *statement) {
    if (!IsA(statement, CopyStmt))
        return nullptr;
    Relation target = target_of(*reinterpret_cast<CopyStmt *>(statement));
    if (target == nullptr)
        wake_all_partitions();
    return target;
}

void on_utility(PlannedStmt *planned, const char *text, bool read_only,
                ProcessUtilityContext context, ParamListInfo parameters,
                QueryEnvironment *environment, DestReceiver *receiver,
                QueryCompletion *completion) {
    Relation target = copied_table(planned->utilityStmt);
    if (target == nullptr) {
        next_utility()(planned, text, read_only, context, parameters, environment, receiver,
                       completion);
        return;
    }
    List *volatile off = quieten_target(target);
    PG_TRY();
    {
        next_utility()(planned, text, read_only, context, parameters, environment, receiver,
                       completion);
    }
    PG_FINALLY();
    {
        ListCell *cell;
        foreach (cell, off)
            switch_trigger(target->trigdesc, lfirst_oid(cell), TRIGGER_DISABLED,
                           TRIGGER_FIRES_ALWAYS);
    }
    PG_END_TRY();
    relation_close(target, NoLock);
}

} // namespace

void install_quiet_hooks() {
    g_next_start = ExecutorStart_hook;
    ExecutorStart_hook = on_start;
    g_next_utility = ProcessUtility_hook;
    ProcessUtility_hook = on_utility;
}

} // namespace ayb
