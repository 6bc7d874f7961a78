#include "realtime/still.hpp"

#include "pg/relation.hpp"
#include "published/published.hpp"

extern "C" {
#include "catalog/pg_inherits.h"
#include "utils/relcache.h"
}

namespace ayb {

namespace {

constexpr int kMostStill = 256;

struct Still {
    Oid partition;
    Oid trigger;
    Oid table;
};

Still g_still[kMostStill];
int g_count;
Oid g_all; // all of its partitions are still, as of …
uint64 g_all_as_of;

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

// Where there is no room the partition's rows go on calling their trigger.
bool remember(const Still &one) {
    if (is_still(one.partition, one.trigger))
        return true;
    if (g_count == kMostStill)
        return false;
    g_still[g_count++] = one;
    return true;
}

void still_partition(Relation partition, Oid table) {
    const TriggerDesc *triggers = triggers_of(partition);
    for (int i = 0; triggers != nullptr && i < triggers->numtriggers; i++) {
        const Trigger &trigger = triggers->triggers[i];
        if (trigger.tgisclone && is_capturing(trigger.tgfoid) &&
            enabled_table(trigger.tgoid) == table)
            still(partition, trigger.tgoid, table);
    }
}

// No lock is kept, nor waited for.
void still_by_name(Oid partition, Oid table) {
    if (!ConditionalLockRelationOid(partition, AccessShareLock))
        return;
    if (Relation relation = try_relation_open(partition, NoLock)) {
        if (relation->rd_rel->relkind == RELKIND_PARTITIONED_TABLE)
            still_all(relation, table);
        else
            still_partition(relation, table);
        relation_close(relation, NoLock);
    }
    UnlockRelationOid(partition, AccessShareLock);
}

} // namespace

void look_for_row_triggers(TriggerDesc *triggers) {
    triggers->trig_insert_after_row = any_called(*triggers, TRIGGER_TYPE_INSERT);
    triggers->trig_update_after_row = any_called(*triggers, TRIGGER_TYPE_UPDATE);
    triggers->trig_delete_after_row = any_called(*triggers, TRIGGER_TYPE_DELETE);
}

bool switch_trigger(TriggerDesc *triggers, Oid trigger, char from, char to) {
    for (int i = 0; triggers != nullptr && i < triggers->numtriggers; i++) {
        if (triggers->triggers[i].tgoid != trigger || triggers->triggers[i].tgenabled != from)
            continue;
        triggers->triggers[i].tgenabled = to;
        look_for_row_triggers(triggers);
        return true;
    }
    return false;
}

void still(Relation partition, Oid trigger, Oid table) {
    if (MyBackendType == B_BACKEND && remember({RelationGetRelid(partition), trigger, table}))
        switch_trigger(partition->trigdesc, trigger, TRIGGER_FIRES_ALWAYS, TRIGGER_DISABLED);
}

void still_all(Relation above, Oid table) {
    if (MyBackendType != B_BACKEND)
        return;
    const Oid oid = RelationGetRelid(above);
    if (g_all == oid && g_all_as_of == relation_changes())
        return;
    List *partitions = find_inheritance_children(oid, NoLock);
    ListCell *cell;
    foreach (cell, partitions)
        if (g_count < kMostStill)
            still_by_name(lfirst_oid(cell), table);
    list_free(partitions);
    g_all = oid;
    g_all_as_of = relation_changes();
}

bool is_still(Oid partition, Oid trigger) {
    for (int i = 0; i < g_count; i++)
        if (g_still[i].partition == partition && g_still[i].trigger == trigger)
            return true;
    return false;
}

void wake_partitions(Oid table) {
    int kept = 0;
    for (int i = 0; i < g_count; i++)
        if (OidIsValid(table) && g_still[i].table != table)
            g_still[kept++] = g_still[i];
        else
            RelationCacheInvalidateEntry(g_still[i].partition);
    g_count = kept;
    g_all = InvalidOid;
}

void wake_all_partitions() { wake_partitions(InvalidOid); }

} // namespace ayb
