#include "hooks/planning.hpp"

#include "pg/books.hpp"
#include "pg/extension.hpp"

extern "C" {
#include "optimizer/plancat.h"
#include "utils/selfuncs.h"
}

namespace ayb {

namespace {

// Fewer than make a parallel or a compiled plan of a query on an empty table.
constexpr double kLeastRows = 10000;
// What the engine's own plans must suit.
constexpr double kRowsInBooks = 1000000;
constexpr double kRowsPerPage = 20;
constexpr double kEntriesPerPage = 200;

get_relation_info_hook_type g_next_info;
get_relation_stats_hook_type g_next_stats;

bool is_ours(Oid table) {
    const Oid schema = tables_schema();
    return OidIsValid(schema) && get_rel_namespace(table) == schema;
}

void grow(BlockNumber *pages, double *rows, double least_rows, double rows_per_page) {
    *pages = Max(*pages, static_cast<BlockNumber>(least_rows / rows_per_page));
    *rows = Max(*rows, least_rows);
}

void tell_size(PlannerInfo *root, Oid table, bool is_parent, RelOptInfo *info) {
    if (g_next_info != nullptr)
        g_next_info(root, table, is_parent, info);
    if (is_parent || !is_ours(table))
        return;
    const double rows = books_are_open() ? kRowsInBooks : kLeastRows;
    grow(&info->pages, &info->tuples, rows, kRowsPerPage);
    ListCell *cell;
    foreach (cell, info->indexlist) {
        auto *index = lfirst_node(IndexOptInfo, cell);
        grow(&index->pages, &index->tuples, rows, kEntriesPerPage);
    }
}

// True: there are none.
bool withhold_statistics(PlannerInfo *root, RangeTblEntry *entry, AttrNumber column,
                         VariableStatData *found) {
    if (books_are_open() && entry->rtekind == RTE_RELATION && is_ours(entry->relid))
        return true;
    return g_next_stats != nullptr && g_next_stats(root, entry, column, found);
}

} // namespace

void install_planning_hooks() {
    g_next_info = get_relation_info_hook;
    get_relation_info_hook = tell_size;
    g_next_stats = get_relation_stats_hook;
    get_relation_stats_hook = withhold_statistics;
}

} // namespace ayb
