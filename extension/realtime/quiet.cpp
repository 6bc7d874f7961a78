// A statement on a table that nobody listens to doesn't call its trigger for each row: to queue it,
// fetch the row again and call a function takes several times what the function does. What a
// statement executes is a copy of the table's triggers, made for it: in that ours is off, and the
// statement notes once what each row would. Rows that come otherwise (COPY, replication, through a
// partitioned table) call the trigger.
#include "realtime/notes.hpp"

namespace ayb {

namespace {

ExecutorStart_hook_type g_previous;

bool is_called(const Trigger &trigger, int16 event) {
    return trigger.tgenabled != TRIGGER_DISABLED &&
           TRIGGER_TYPE_MATCHES(trigger.tgtype, TRIGGER_TYPE_ROW, TRIGGER_TYPE_AFTER, event);
}

bool any_called(const TriggerDesc &triggers, int16 event) {
    for (int i = 0; i < triggers.numtriggers; i++)
        if (is_called(triggers.triggers[i], event))
            return true;
    return false;
}

// Whether there was one to switch off.
bool switch_off(const ResultRelInfo &table) {
    bool any = false;
    for (int i = 0; i < table.ri_TrigDesc->numtriggers; i++) {
        Trigger &trigger = table.ri_TrigDesc->triggers[i];
        if (!is_capturing(trigger))
            continue;
        Published *known = published(table.ri_RelationDesc, &trigger);
        if (known == nullptr || is_heard(known))
            continue;
        note_unheard(known->table);
        trigger.tgenabled = TRIGGER_DISABLED;
        any = true;
    }
    return any;
}

void quieten(const ResultRelInfo &table) {
    TriggerDesc *triggers = table.ri_TrigDesc;
    if (triggers == nullptr || !switch_off(table))
        return;
    triggers->trig_insert_after_row = any_called(*triggers, TRIGGER_TYPE_INSERT);
    triggers->trig_update_after_row = any_called(*triggers, TRIGGER_TYPE_UPDATE);
    triggers->trig_delete_after_row = any_called(*triggers, TRIGGER_TYPE_DELETE);
}

void on_start(QueryDesc *query, int flags) {
    if (g_previous != nullptr)
        g_previous(query, flags);
    else
        standard_ExecutorStart(query, flags);
    if ((flags & EXEC_FLAG_EXPLAIN_ONLY) != 0)
        return;
    ListCell *cell;
    foreach (cell, query->estate->es_opened_result_relations)
        quieten(*static_cast<ResultRelInfo *>(lfirst(cell)));
}

} // namespace

void install_quiet_hook() {
    g_previous = ExecutorStart_hook;
    ExecutorStart_hook = on_start;
}

} // namespace ayb
