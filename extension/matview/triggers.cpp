#include "matview/triggers.hpp"

#include "pg/books.hpp"
#include "pg/roles.hpp"

namespace ayb {

namespace {

constexpr const char *kTrigger = "ayb_jobs_note_change";

Statement s_unknowable{"SELECT ayb_jobs._why_unknowable($1)", 1, {OIDOID}, nullptr};
Statement s_missing{
    "SELECT t.relation FROM ayb_jobs._tables_without_trigger($1) AS t", 1, {OIDOID}, nullptr};
Statement s_needless{
    "SELECT t.relation, t.name FROM ayb_jobs._needless_triggers() AS t", 0, {}, nullptr};

// The table's name, once nobody can change it any more; null where it is gone.
const char *lock_table(Oid table, LOCKMODE mode) {
    LockRelationOid(table, mode);
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
    const char *name = lock_table(table, ShareRowExclusiveLock);
    if (name == nullptr)
        return;
    run_text(psprintf("CREATE OR REPLACE TRIGGER %s BEFORE INSERT OR UPDATE OR DELETE OR TRUNCATE"
                      " ON %s FOR EACH STATEMENT EXECUTE FUNCTION ayb_jobs._note_change()",
                      kTrigger, name));
    run_text(psprintf("ALTER TABLE ONLY %s ENABLE ALWAYS TRIGGER %s", name, kTrigger));
    run_text(psprintf("ALTER TRIGGER %s ON %s DEPENDS ON EXTENSION ayb_jobs", kTrigger, name));
}

// Inside the books; the tables in the order of their ids, so that two of these don't deadlock.
void make_missing(Oid view, Oid me) {
    Parameters parameters;
    const uint64 count = run_statement(s_missing, parameters.set(1, ObjectIdGetDatum(view)));
    auto *tables = static_cast<Oid *>(palloc((count + 1) * sizeof(Oid)));
    for (uint64 i = 0; i < count; i++)
        tables[i] = oid_column(i, 1);
    for (uint64 i = 0; i < count; i++)
        check_privilege(tables[i], me);
    for (uint64 i = 0; i < count; i++)
        make_trigger(tables[i]);
}

} // namespace

void make_triggers(Oid view, Oid me) {
    MemoryContext context = CurrentMemoryContext;
    const Books books = open_books();
    Parameters parameters;
    run_statement(s_unknowable, parameters.set(1, ObjectIdGetDatum(view)));
    const char *why = text_column(0, 1);
    if (why == nullptr)
        make_missing(view, me);
    else
        why = MemoryContextStrdup(context, why);
    close_books(books);
    if (why != nullptr)
        ereport(NOTICE,
                (errmsg("no refresh will be skipped: %s", why),
                 errhint("What may change without a change of a table counts as changed.")));
}

void drop_needless_triggers() {
    const Books books = open_books();
    const uint64 count = run_statement(s_needless, Parameters());
    SPITupleTable *found = SPI_tuptable;
    for (uint64 i = 0; i < count; i++) {
        bool null;
        const Datum table = SPI_getbinval(found->vals[i], found->tupdesc, 1, &null);
        const char *trigger = SPI_getvalue(found->vals[i], found->tupdesc, 2);
        const char *name = lock_table(DatumGetObjectId(table), AccessExclusiveLock);
        if (name != nullptr)
            run_text(psprintf("DROP TRIGGER IF EXISTS %s ON %s", quote_identifier(trigger), name));
    }
    close_books(books);
}

} // namespace ayb
