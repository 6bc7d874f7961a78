#include "matview/triggers.hpp"

#include "base/rights.hpp"
#include "pg/sql.hpp"

namespace ayb {

namespace {

constexpr const char *kTrigger = "ayb_jobs_note_change";

Sql<Oid> g_unknowable{"SELECT ayb_jobs_internal.why_unknowable($1)"};
Sql<Oid> g_missing{"SELECT t.relation FROM ayb_jobs_internal.tables_without_trigger($1) AS t"};
Sql<> g_needless{"SELECT t.relation, t.name FROM ayb_jobs_internal.needless_triggers() AS t"};

// The name of a table that is locked; null where it is gone.
const char *name_of_locked(Oid table) {
    AcceptInvalidationMessages();
    const char *name = get_rel_name(table);
    if (name == nullptr)
        return nullptr;
    return quote_qualified_identifier(get_namespace_name(get_rel_namespace(table)), name);
}

void check_privilege(Oid table, Oid me) {
    if (is_admin(me) || may_create_trigger(table, me))
        return;
    const char *schema = get_namespace_name(get_rel_namespace(table));
    const char *name = quote_qualified_identifier(schema, get_rel_name(table));
    ereport(ERROR, (errcode(ERRCODE_INSUFFICIENT_PRIVILEGE),
                    errmsg("skip_unchanged needs the privilege TRIGGER on table %s", name),
                    errdetail("A trigger on each base table notes that it has changed."),
                    errhint("GRANT TRIGGER ON %s TO %s;", name, quote_identifier(role_name(me)))));
}

// ALWAYS: what replication writes counts too. It goes with the extension, and is not in its way.
void make_trigger(Oid table) {
    LockRelationOid(table, ShareRowExclusiveLock);
    const char *name = name_of_locked(table);
    if (name == nullptr)
        return;
    run_text(psprintf("CREATE OR REPLACE TRIGGER %s BEFORE INSERT OR UPDATE OR DELETE OR TRUNCATE"
                      " ON %s FOR EACH STATEMENT EXECUTE FUNCTION ayb_jobs_internal.note_change()",
                      kTrigger, name));
    run_text(psprintf("ALTER TABLE ONLY %s ENABLE ALWAYS TRIGGER %s", name, kTrigger));
    run_text(psprintf("ALTER TRIGGER %s ON %s DEPENDS ON EXTENSION ayb_jobs", kTrigger, name));
}

// Inside the books; the tables in the order of their ids, so that two of these don't deadlock.
void make_missing(Oid view, Oid me) {
    const uint64 count = g_missing.run(view);
    auto *tables = static_cast<Oid *>(palloc((count + 1) * sizeof(Oid)));
    for (uint64 i = 0; i < count; i++)
        read_row(i, &tables[i]);
    for (uint64 i = 0; i < count; i++)
        check_privilege(tables[i], me);
    for (uint64 i = 0; i < count; i++)
        make_trigger(tables[i]);
}

struct Needless {
    Oid table;
    const char *name;
};

// Inside the books. False where the table is in use: whoever waits for it holds up all that come
// after.
bool drop_trigger(const Needless &trigger) {
    if (!ConditionalLockRelationOid(trigger.table, AccessExclusiveLock))
        return false;
    const char *table = name_of_locked(trigger.table);
    if (table != nullptr)
        run_text(
            psprintf("DROP TRIGGER IF EXISTS %s ON %s", quote_identifier(trigger.name), table));
    return true;
}

} // namespace

void make_triggers(Oid view, Oid me) {
    MemoryContext context = CurrentMemoryContext;
    const char *why = in_bounded_books([=] {
        const char *reason = nullptr;
        g_unknowable.run(view);
        read_row(0, &reason);
        if (reason == nullptr)
            make_missing(view, me);
        return reason != nullptr ? MemoryContextStrdup(context, reason) : nullptr;
    });
    if (why != nullptr)
        ereport(NOTICE,
                (errmsg("no refresh will be skipped: %s", why),
                 errhint("What may change without a change of a table counts as changed.")));
}

void drop_needless_triggers() {
    const uint64 in_use = in_books([] {
        const uint64 count = g_needless.run();
        auto *needless = static_cast<Needless *>(palloc0((count + 1) * sizeof(Needless)));
        for (uint64 i = 0; i < count; i++)
            read_row(i, &needless[i].table, &needless[i].name);
        uint64 left = 0;
        for (uint64 i = 0; i < count; i++)
            left += drop_trigger(needless[i]) ? 0 : 1;
        return left;
    });
    if (in_use > 0)
        ereport(NOTICE, (errmsg(UINT64_FORMAT " triggers stay, as their tables are in use", in_use),
                         errhint("They go with the next registration that is removed.")));
}

} // namespace ayb
