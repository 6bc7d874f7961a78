#include "matview/rows.hpp"

#include "base/arguments.hpp"
#include "base/rights.hpp"
#include "base/rows.hpp"
#include "pg/clock.hpp"
#include "pg/tuples.hpp"

namespace ayb {

namespace {

Sql<core::Uuid> g_find{R"sql(
    SELECT m.schema_name, m.view_name, m.refresh_mode = 'concurrent', m.skip_unchanged,
        m.lock_timeout, m.statement_timeout, m.run_as::oid, m.sources_seen
    FROM ayb_jobs.matview_refreshes AS m
    WHERE m.id = $1
)sql"};
Sql<core::Uuid> g_lock{R"sql(
    SELECT FROM ayb_jobs.matview_refreshes AS m WHERE m.id = $1 FOR UPDATE
)sql"};
Sql<core::Uuid> g_row{"SELECT m FROM ayb_jobs.matview_refreshes AS m WHERE m.id = $1"};

[[noreturn]] void no_such_matview(const core::Uuid &id) {
    ereport(ERROR, (errcode(ERRCODE_NO_DATA_FOUND),
                    errmsg("matview registration %s not found", uuid_text(id)),
                    errhint("The view ayb_jobs.matviews shows those of your roles.")));
    pg_unreachable();
}

int milliseconds_of(Datum timeout) {
    return timeout == 0 ? 0 : static_cast<int>(interval_milliseconds(DatumGetIntervalP(timeout)));
}

bool read_matview(const core::Uuid &id, bool lock, MemoryContext context, Matview *found) {
    if (lock && g_lock.run(id) == 0)
        return false;
    if (g_find.run(id) == 0)
        return false;
    Datum lock_timeout = 0;
    Datum statement_timeout = 0;
    *found = Matview{};
    found->id = id;
    read_row(0, &found->schema, &found->view, &found->concurrent, &found->skip_unchanged,
             &lock_timeout, &statement_timeout, &found->run_as, &found->sources_seen);
    found->lock_timeout = milliseconds_of(lock_timeout);
    found->statement_timeout = milliseconds_of(statement_timeout);
    for (const char **text : {&found->schema, &found->view, &found->sources_seen})
        if (*text != nullptr)
            *text = MemoryContextStrdup(context, *text);
    return true;
}

bool is_theirs(const Matview &matview, Oid me) {
    if (has_privs_of_role(me, matview.run_as))
        return true;
    const Oid owner = view_owner(find_view(matview.schema, matview.view));
    return OidIsValid(owner) && has_privs_of_role(me, owner);
}

} // namespace

Oid find_view(const char *schema, const char *view) {
    const Oid home = get_namespace_oid(schema, true);
    const Oid found = OidIsValid(home) ? get_relname_relid(view, home) : InvalidOid;
    return OidIsValid(found) && get_rel_relkind(found) == RELKIND_MATVIEW ? found : InvalidOid;
}

Oid view_owner(Oid view) {
    return catalog_field(RELOID, view, &FormData_pg_class::relowner, InvalidOid);
}

Query *view_query(Oid view) {
    HeapTuple tuple =
        SearchSysCache2(RULERELNAME, ObjectIdGetDatum(view), CStringGetDatum(ViewSelectRuleName));
    if (!HeapTupleIsValid(tuple))
        return nullptr;
    bool null;
    const Datum action = SysCacheGetAttr(RULERELNAME, tuple, Anum_pg_rewrite_ev_action, &null);
    auto *queries = static_cast<List *>(stringToNode(TextDatumGetCString(action)));
    ReleaseSysCache(tuple);
    return linitial_node(Query, queries);
}

bool find_matview(const core::Uuid &id, Oid me, bool lock, Matview *found) {
    MemoryContext context = CurrentMemoryContext;
    const bool exists = in_bounded_books([=] { return read_matview(id, lock, context, found); });
    return exists && (has_right(me, Right::read) || is_theirs(*found, me));
}

Matview require_matview(const core::Uuid &id, Oid me, Right right, bool lock) {
    Matview found{};
    if (!find_matview(id, me, lock, &found))
        no_such_matview(id);
    if (!has_right(me, right) && !is_theirs(found, me))
        refuse_right(me, right, "");
    return found;
}

void check_owner(Oid owner, Oid me, Right right, const char *schema, const char *view) {
    if (has_right(me, right) || has_privs_of_role(me, owner))
        return;
    ereport(ERROR, (errcode(ERRCODE_INSUFFICIENT_PRIVILEGE),
                    errmsg("must be owner of materialized view %s.%s", schema, view),
                    errhint("A member of %s may do it as well.", role_with(right))));
}

Datum matview_row(const core::Uuid &id, MemoryContext context) {
    Datum row = 0;
    if (g_row.run(id) > 0)
        read_row(0, &row);
    return copy_row(row, context);
}

} // namespace ayb
