#include "published/tree.hpp"

#include "pg/tuples.hpp"
#include "published/by_oid.hpp"
#include "published/stamp.hpp"
#include "published/trigger.hpp"

extern "C" {
#include "catalog/pg_inherits.h"
}

namespace ayb {

namespace {

struct Known {
    Oid table; // the key
    uint64 as_of;
    Tree tree;
};

HTAB *g_known;

void add_files(Tree *tree, Oid table) {
    HeapTuple tuple = SearchSysCache1(RELOID, ObjectIdGetDatum(table));
    if (!HeapTupleIsValid(tuple))
        return;
    const auto *form = reinterpret_cast<Form_pg_class>(GETSTRUCT(tuple));
    tree->tables = add_to_stamp(tree->tables, form->oid);
    tree->files = add_to_stamp(tree->files, form->relfilenode);
    ReleaseSysCache(tuple);
}

// Someone may have switched it off on a partition alone. By who wrote it as well: one that was off
// for a while has missed something.
void add_copy(Tree *tree, Oid partition) {
    bool captures = false;
    each_catalog_row(TriggerRelationId, TriggerRelidNameIndexId, Anum_pg_trigger_tgrelid, partition,
                     [&](HeapTuple row, TupleDesc /*shape*/) {
                         const auto *form = reinterpret_cast<Form_pg_trigger>(GETSTRUCT(row));
                         if (!is_capturing(form->tgfoid) || !OidIsValid(form->tgparentid))
                             return;
                         captures = form->tgenabled == TRIGGER_FIRES_ALWAYS;
                         tree->tables = add_version_to_stamp(tree->tables, row);
                     });
    tree->captures = tree->captures && captures;
}

Tree look_at_tree(Relation table) {
    Tree tree{0, 0, true};
    List *tables = find_all_inheritors(RelationGetRelid(table), NoLock, nullptr);
    ListCell *cell;
    foreach (cell, tables) {
        add_files(&tree, lfirst_oid(cell));
        if (lfirst_oid(cell) != RelationGetRelid(table))
            add_copy(&tree, lfirst_oid(cell));
    }
    list_free(tables);
    return tree;
}

Known *known(Oid table, uint64 changes) {
    if (g_known == nullptr)
        g_known = new_table_by_oid("ayb_jobs partitions of published tables", sizeof(Known));
    bool found;
    auto *one = static_cast<Known *>(hash_search(g_known, &table, HASH_ENTER, &found));
    if (!found)
        one->as_of = changes - 1; // not looked at yet
    return one;
}

} // namespace

Tree tree_of(Relation table, uint64 changes) {
    Known *one = known(RelationGetRelid(table), changes);
    if (one->as_of != changes) {
        one->tree = look_at_tree(table);
        one->as_of = changes; // what it heard of meanwhile is looked at the next time
    }
    return one->tree;
}

} // namespace ayb
