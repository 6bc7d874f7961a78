#include "published/published.hpp"

#include "pg/relation.hpp"
#include "pg/tuples.hpp"
#include "pg/users_code.hpp"
#include "published/by_oid.hpp"
#include "published/policies.hpp"
#include "published/stamp.hpp"
#include "published/tree.hpp"

extern "C" {
#include "access/tupconvert.h"
#include "catalog/partition.h"
#include "catalog/pg_policy.h"
}

namespace ayb {

namespace {

struct Entry {
    Oid trigger;  // the key
    Oid relation; // on which it stands
    bool valid;
    MemoryContext memory;
    Published published;
};

HTAB *g_entries;
uint64 g_invalidations;

// A column of a catalog's row, as its bytes.
uint64 add_field(uint64 hash, int cache, HeapTuple tuple, int field) {
    bool null;
    const Datum value = SysCacheGetAttr(cache, tuple, static_cast<AttrNumber>(field), &null);
    if (null)
        return add_to_stamp(hash, true);
    const auto *bytes = PG_DETOAST_DATUM(value);
    return add_bytes_to_stamp(hash, bytes, VARSIZE(bytes));
}

uint64 add_table(uint64 hash, Relation table) {
    const FormData_pg_class *form = table->rd_rel;
    hash = add_to_stamp(hash, form->relowner);
    hash = add_to_stamp(hash, form->relrowsecurity);
    hash = add_to_stamp(hash, form->relforcerowsecurity);
    hash = add_to_stamp(hash, form->relnamespace);
    hash = add_to_stamp(hash, form->relname);
    HeapTuple tuple = SearchSysCache1(RELOID, ObjectIdGetDatum(RelationGetRelid(table)));
    if (!HeapTupleIsValid(tuple))
        return hash;
    hash = add_field(hash, RELOID, tuple, Anum_pg_class_relacl);
    ReleaseSysCache(tuple);
    return hash;
}

uint64 add_columns(uint64 hash, Relation table) {
    const TupleDesc shape = RelationGetDescr(table);
    for (int i = 0; i < shape->natts; i++) {
        const FormData_pg_attribute *column = TupleDescAttr(shape, i);
        hash = add_to_stamp(hash, column->attname);
        hash = add_to_stamp(hash, column->atttypid);
        hash = add_to_stamp(hash, column->atttypmod);
        hash = add_to_stamp(hash, column->attisdropped);
        HeapTuple tuple = SearchSysCache2(ATTNUM, ObjectIdGetDatum(RelationGetRelid(table)),
                                          Int16GetDatum(column->attnum));
        if (!HeapTupleIsValid(tuple))
            continue;
        hash = add_field(hash, ATTNUM, tuple, Anum_pg_attribute_attacl);
        ReleaseSysCache(tuple);
    }
    return hash;
}

uint64 add_policies(uint64 hash, Relation table) {
    each_catalog_row(PolicyRelationId, PolicyPolrelidPolnameIndexId, Anum_pg_policy_polrelid,
                     RelationGetRelid(table), [&hash](HeapTuple row, TupleDesc /*shape*/) {
                         hash = add_to_stamp(hash,
                                             reinterpret_cast<Form_pg_policy>(GETSTRUCT(row))->oid);
                         hash = add_version_to_stamp(hash, row);
                     });
    return hash;
}

// One that was off for a while has missed something.
uint64 add_trigger(uint64 hash, Oid trigger) {
    each_catalog_row(
        TriggerRelationId, TriggerOidIndexId, Anum_pg_trigger_oid, trigger,
        [&hash](HeapTuple row, TupleDesc /*shape*/) { hash = add_version_to_stamp(hash, row); });
    return hash;
}

// Whether its policies decide by more than the row and what PostgreSQL brings.
bool asks_somebody(Relation table) {
    return any_policy(table, [](const RowSecurityPolicy &policy) {
        return policy.hassublinks ||
               calls_users_code(reinterpret_cast<Node *>(policy.qual), nullptr);
    });
}

void forget(Entry *entry) {
    if (entry->memory != nullptr)
        MemoryContextDelete(entry->memory);
    entry->memory = nullptr;
    entry->valid = false;
}

void on_relation(Datum /*argument*/, Oid relation) {
    g_invalidations++;
    if (g_entries == nullptr)
        return;
    HASH_SEQ_STATUS scan;
    hash_seq_init(&scan, g_entries);
    while (auto *entry = static_cast<Entry *>(hash_seq_search(&scan)))
        if (!OidIsValid(relation) || entry->relation == relation ||
            entry->published.table == relation)
            entry->valid = false;
}

// On the parent's trigger stand the columns, and the copy has the same ones.
void describe(Entry *entry, Relation relation, Relation table) {
    entry->memory =
        AllocSetContextCreate(CacheMemoryContext, "ayb_jobs published", ALLOCSET_SMALL_SIZES);
    MemoryContext before = MemoryContextSwitchTo(entry->memory);
    Published &published = entry->published;
    published.trigger = entry->trigger;
    published.table = RelationGetRelid(table);
    published.shape = CreateTupleDescCopy(RelationGetDescr(table));
    published.map = relation == table
                        ? nullptr
                        : convert_tuples_by_name(CreateTupleDescCopy(RelationGetDescr(relation)),
                                                 published.shape);
    MemoryContextSwitchTo(before);
    published.key_count = primary_key(table, published.keys);
    const Trigger *capturing = capturing_trigger(table);
    published.stamp = capturing != nullptr ? stamp_of(table, capturing) : 0; // of no listener's
    published.feed = -1;
    published.made = 0;
}

// Whoever writes into a partition by its own name holds no lock on the table above, and must not
// wait for one: who changes that may be waiting for the partition.
bool describe_parent(Entry *entry, Relation relation, Oid parent) {
    if (!ConditionalLockRelationOid(parent, AccessShareLock))
        return false;
    Relation table = try_relation_open(parent, NoLock);
    if (table != nullptr) {
        describe(entry, relation, table);
        relation_close(table, NoLock);
    }
    return table != nullptr;
}

Entry *entry_of(Oid trigger) {
    if (g_entries == nullptr)
        g_entries = new_table_by_oid("ayb_jobs published tables", sizeof(Entry));
    bool found;
    auto *entry = static_cast<Entry *>(hash_search(g_entries, &trigger, HASH_ENTER, &found));
    if (!found) {
        entry->valid = false;
        entry->memory = nullptr;
        entry->published = Published{};
    }
    return entry;
}

} // namespace

Oid enabled_table(Oid trigger) {
    Oid table = InvalidOid;
    while (OidIsValid(trigger)) {
        Oid parent = InvalidOid;
        each_catalog_row(TriggerRelationId, TriggerOidIndexId, Anum_pg_trigger_oid, trigger,
                         [&](HeapTuple row, TupleDesc /*shape*/) {
                             const auto *form = reinterpret_cast<Form_pg_trigger>(GETSTRUCT(row));
                             table = form->tgrelid;
                             parent = form->tgparentid;
                         });
        trigger = parent;
    }
    return table;
}

uint64 relation_changes() { return g_invalidations; }

int primary_key(Relation table, AttrNumber *keys) {
    HeapTuple tuple = SearchSysCache1(INDEXRELID, ObjectIdGetDatum(primary_index_of(table)));
    if (!HeapTupleIsValid(tuple))
        return 0;
    const auto *index = reinterpret_cast<Form_pg_index>(GETSTRUCT(tuple));
    const int count = index->indimmediate ? index->indnkeyatts : 0;
    for (int i = 0; i < count; i++)
        keys[i] = index->indkey.values[i];
    ReleaseSysCache(tuple);
    return count;
}

// Looked up again when another feed was made.
bool is_heard(Published *table) {
    const uint32 made = feeds_made();
    if (made == 0)
        return false;
    if (table->made != made) {
        table->feed = find_feed({MyDatabaseId, table->table});
        table->made = made;
    }
    return table->feed >= 0 && feed_is_live(table->feed, GetCurrentStatementStartTimestamp());
}

const Trigger *capturing_trigger(Relation table) {
    const TriggerDesc *triggers = triggers_of(table);
    if (triggers == nullptr)
        return nullptr;
    for (int i = 0; i < triggers->numtriggers; i++) {
        const Trigger &trigger = triggers->triggers[i];
        if (is_capturing(trigger.tgfoid) && !trigger.tgisclone &&
            trigger.tgenabled == TRIGGER_FIRES_ALWAYS && trigger.tgqual == nullptr &&
            trigger.tgtype == (TRIGGER_TYPE_ROW | TRIGGER_TYPE_INSERT | TRIGGER_TYPE_UPDATE |
                               TRIGGER_TYPE_DELETE) &&
            trigger.tgnattr == 0)
            return &trigger;
    }
    return nullptr;
}

uint64 stamp_of(Relation table, const Trigger *trigger) {
    uint64 hash = add_table(RelationGetRelid(table), table);
    hash = add_columns(hash, table);
    hash = add_policies(hash, table);
    AttrNumber keys[INDEX_MAX_KEYS] = {};
    hash = add_to_stamp(hash, primary_key(table, keys));
    hash = add_to_stamp(hash, keys);
    for (int i = 0; i < trigger->tgnargs; i++)
        hash = add_bytes_to_stamp(hash, trigger->tgargs[i], strlen(trigger->tgargs[i]) + 1);
    return add_trigger(hash, trigger->tgoid);
}

Definition definition_of(Relation table, const Trigger *trigger) {
    const Tree tree = tree_of(table, g_invalidations);
    return {stamp_of(table, trigger), tree.tables, tree.files, asks_somebody(table)};
}

Published *published(Relation relation, const Trigger *trigger) {
    Entry *entry = entry_of(trigger->tgoid);
    if (entry->valid)
        return &entry->published;
    forget(entry);
    entry->relation = RelationGetRelid(relation);
    const uint64 invalidations = g_invalidations;
    if (!trigger->tgisclone)
        describe(entry, relation, relation);
    else if (!describe_parent(entry, relation, enabled_table(trigger->tgoid)))
        return nullptr;
    // Where it heard of a change meanwhile the next row finds out.
    entry->valid = invalidations == g_invalidations;
    return &entry->published;
}

void install_published_callbacks() {
    CacheRegisterRelcacheCallback(on_relation, 0);
    install_trigger_callback();
}

} // namespace ayb
