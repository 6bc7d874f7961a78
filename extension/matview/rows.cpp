#include "matview/rows.hpp"

#include "base/arguments.hpp"
#include "base/rows.hpp"
#include "pg/clock.hpp"
#include "pg/roles.hpp"

namespace ayb {

namespace {

Statement s_find{"SELECT m.schema_name, m.view_name, m.refresh_mode = 'concurrent',"
                 " m.skip_unchanged, m.lock_timeout, m.statement_timeout, m.run_as::oid,"
                 " m.sources_seen FROM ayb_jobs.matview_refreshes AS m WHERE m.id = $1",
                 1,
                 {UUIDOID},
                 nullptr};
Statement s_lock{"SELECT FROM ayb_jobs.matview_refreshes AS m WHERE m.id = $1 FOR UPDATE",
                 1,
                 {UUIDOID},
                 nullptr};
Statement s_row{
    "SELECT m FROM ayb_jobs.matview_refreshes AS m WHERE m.id = $1", 1, {UUIDOID}, nullptr};

[[noreturn]] void no_such_matview(const core::Uuid &id) {
    ereport(ERROR, (errcode(ERRCODE_NO_DATA_FOUND),
                    errmsg("matview registration %s not found", uuid_text(id)),
                    errhint("The view ayb_jobs.matviews shows those of your roles.")));
    pg_unreachable();
}

int timeout_column(int number) {
    bool null;
    const Datum value = column(0, number, &null);
    return null ? 0 : static_cast<int>(interval_milliseconds(DatumGetIntervalP(value)));
}

bool flag_column(int number) {
    bool null;
    const Datum value = column(0, number, &null);
    return !null && DatumGetBool(value);
}

const char *copy_text(MemoryContext context, int number) {
    const char *text = text_column(0, number);
    return text != nullptr ? MemoryContextStrdup(context, text) : nullptr;
}

bool read_matview(const core::Uuid &id, bool lock, MemoryContext context, Matview *found) {
    Parameters parameters;
    parameters.set(1, uuid_datum(id));
    if (lock && run_statement(s_lock, parameters) == 0)
        return false;
    if (run_statement(s_find, parameters) == 0)
        return false;
    found->id = id;
    found->schema = copy_text(context, 1);
    found->view = copy_text(context, 2);
    found->concurrent = flag_column(3);
    found->skip_unchanged = flag_column(4);
    found->lock_timeout = timeout_column(5);
    found->statement_timeout = timeout_column(6);
    found->run_as = oid_column(0, 7);
    found->sources_seen = copy_text(context, 8);
    return true;
}

bool may_see(const Matview &matview, Oid me) {
    if (is_admin(me) || has_privs_of_role(me, matview.run_as))
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
    HeapTuple tuple = SearchSysCache1(RELOID, ObjectIdGetDatum(view));
    if (!HeapTupleIsValid(tuple))
        return InvalidOid;
    const Oid owner = reinterpret_cast<Form_pg_class>(GETSTRUCT(tuple))->relowner;
    ReleaseSysCache(tuple);
    return owner;
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
    const Books books = open_books();
    const bool exists = read_matview(id, lock, context, found);
    close_books(books);
    return exists && may_see(*found, me);
}

Matview require_matview(const core::Uuid &id, Oid me, bool lock) {
    Matview found{};
    if (!find_matview(id, me, lock, &found))
        no_such_matview(id);
    return found;
}

void check_owner(Oid owner, Oid me, const char *schema, const char *view) {
    if (is_admin(me) || has_privs_of_role(me, owner))
        return;
    ereport(ERROR, (errcode(ERRCODE_INSUFFICIENT_PRIVILEGE),
                    errmsg("must be owner of materialized view %s.%s", schema, view),
                    errhint("A member of ayb_jobs_admin may do it as well.")));
}

Datum matview_row(const core::Uuid &id, MemoryContext context, bool *null) {
    Parameters parameters;
    *null = run_statement(s_row, parameters.set(1, uuid_datum(id))) == 0;
    return *null ? 0 : copy_row(column(0, 1, null), context);
}

} // namespace ayb
