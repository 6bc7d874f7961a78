// What a refresh has seen of its sources, as one text that is kept with the registration:
//
//   epoch of the counts, database, view, version of everything but rows, strangers' count,
//   table=count …, own count
//
// If the same text comes out again, nothing has changed. The order of the steps matters: versions,
// then counts, then prepared transactions, then (in the refresh) the snapshot. So a change that
// this snapshot doesn't show is counted, or listed as prepared, or alters a version, after it was
// looked at here.
//
// The last number counts refreshes of the view itself, as one by hand may have an old snapshot. It
// is read once the statement is done: no other refresh can come before this one's commit, as each
// keeps the view locked until its own is counted.
#include "matview/unchanged.hpp"

#include "pg/prepared.hpp"
#include "records/sources.hpp"

namespace ayb {

namespace {

Sql<Oid> g_known{"SELECT ayb_jobs_internal.why_never_skipped($1) IS NULL"};
Sql<Oid> g_version{R"sql(
    SELECT ayb_jobs_internal.sources_version($1),
        ARRAY(SELECT s.relation::int8 FROM ayb_jobs_internal.sources($1) AS s)
)sql"};

struct Sources {
    bool known;
    const char *version;
    Datum *tables; // int8
    int count;
};

void read_tables(MemoryContext context, Sources *sources) {
    Datum tables = 0;
    MemoryContext before = MemoryContextSwitchTo(context);
    read_row(0, &sources->version, &tables);
    deconstruct_array(DatumGetArrayTypePCopy(tables), INT8OID, sizeof(int64), FLOAT8PASSBYVAL,
                      TYPALIGN_DOUBLE, &sources->tables, nullptr, &sources->count);
    MemoryContextSwitchTo(before);
}

Sources read_sources(Oid view) {
    MemoryContext context = CurrentMemoryContext;
    return in_books([=] {
        Sources sources{};
        g_known.run(view);
        read_row(0, &sources.known);
        if (sources.known) {
            g_version.run(view);
            read_tables(context, &sources);
        }
        return sources;
    });
}

// Appends the counts; false where one isn't known. `*moving`: somebody is changing something now.
bool append_counts(StringInfo text, const Sources &sources, bool *moving) {
    SourceCount count;
    if (!read_strangers(&count))
        return false;
    *moving = count.pending;
    appendStringInfo(text, " " UINT64_FORMAT, count.changes);
    for (int i = 0; i < sources.count; i++) {
        const Oid table = static_cast<Oid>(DatumGetInt64(sources.tables[i]));
        if (!read_source(table, &count))
            return false;
        *moving = *moving || count.pending;
        appendStringInfo(text, " %u=" UINT64_FORMAT, table, count.changes);
    }
    return true;
}

const char *with_own(const char *state, uint64 changes) {
    return psprintf("%s; " UINT64_FORMAT, state, changes);
}

} // namespace

SourcesSeen look_at_sources(const Matview &matview, Oid view) {
    SourcesSeen seen{};
    // A transaction that keeps its snapshot may refresh with one that is older than the counts.
    const uint64 epoch = sources_epoch();
    if (!matview.skip_unchanged || epoch == 0 || IsolationUsesXactSnapshot())
        return seen;
    const Sources sources = read_sources(view);
    if (!sources.known)
        return seen;
    StringInfoData text;
    initStringInfo(&text);
    appendStringInfo(&text, UINT64_FORMAT " %u %u %s", epoch, MyDatabaseId, view, sources.version);
    bool moving = false;
    SourceCount own;
    if (!append_counts(&text, sources, &moving) || !read_source(view, &own) ||
        sources_epoch() != epoch)
        return seen;
    seen.unchanged = !moving && !own.pending && matview.sources_seen != nullptr &&
                     strcmp(matview.sources_seen, with_own(text.data, own.changes)) == 0;
    seen.state = has_prepared_transactions() ? nullptr : text.data;
    return seen;
}

const char *sources_after(const SourcesSeen &seen, Oid view) {
    SourceCount own;
    if (seen.state == nullptr || !read_source(view, &own))
        return nullptr;
    return with_own(seen.state, own.changes);
}

} // namespace ayb

using namespace ayb;

namespace {

// What depends on the catalogs alone is not in pg_depend: those entries of the system are pinned.
const char *why_entry_is_more(const RangeTblEntry &entry) {
    if (entry.tablesample != nullptr)
        return "it uses TABLESAMPLE";
    if (entry.rtekind == RTE_RELATION && entry.relid < FirstNormalObjectId)
        return "it reads the system's catalogs";
    return nullptr;
}

// Stops at the first reason, in `*context`.
bool find_more(Node *node, void *context) {
    if (node == nullptr)
        return false;
    if (!IsA(node, Query))
        return walk_expression(node, find_more, context);
    auto *query = reinterpret_cast<Query *>(node);
    auto *why = static_cast<const char **>(context);
    ListCell *cell;
    foreach (cell, query->rtable) {
        *why = why_entry_is_more(*lfirst_node(RangeTblEntry, cell));
        if (*why != nullptr)
            return true;
    }
    return walk_query(query, find_more, context);
}

} // namespace

// reads_besides_tables(view) → text
AYB_SQL_FUNCTION(ayb_jobs_reads_besides_tables) {
    auto *query =
        PG_ARGISNULL(0) ? nullptr : reinterpret_cast<Node *>(view_query(PG_GETARG_OID(0)));
    const char *why = nullptr;
    if (query == nullptr)
        why = "its query can't be read";
    else if (contain_mutable_functions(query))
        why = "it uses a function that is not immutable";
    else
        find_more(query, static_cast<void *>(&why));
    if (why == nullptr)
        PG_RETURN_NULL();
    PG_RETURN_TEXT_P(cstring_to_text(why));
}

// note_change(), the trigger
AYB_SQL_FUNCTION(ayb_jobs_note_change) {
    if (!CALLED_AS_TRIGGER(fcinfo))
        ereport(ERROR, (errcode(ERRCODE_E_R_I_E_TRIGGER_PROTOCOL_VIOLATED),
                        errmsg("note_change() is called by its triggers only")));
    const auto *data = reinterpret_cast<TriggerData *>(fcinfo->context);
    note_source(RelationGetRelid(data->tg_relation));
    return PointerGetDatum(nullptr);
}
