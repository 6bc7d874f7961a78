// enable_realtime() and disable_realtime().
#include "base/arguments.hpp"
#include "base/rights.hpp"
#include "base/rows.hpp"
#include "handlers/owner.hpp"
#include "pg/arrays.hpp"
#include "pg/extension.hpp"
#include "pg/sql.hpp"
#include "realtime/listened.hpp"
#include "realtime/notes.hpp"

extern "C" {
#include "catalog/catalog.h"
#include "catalog/pg_inherits.h"
}

namespace ayb {

namespace {

Sql<Oid> g_row{"SELECT t FROM ayb_jobs.realtime_tables AS t WHERE t.relation = $1"};
Sql<Oid> g_triggers{R"sql(
    SELECT t.tgname::text FROM pg_trigger AS t
    WHERE t.tgrelid = $1 AND t.tgparentid = 0 AND t.tgfoid IN
        ('ayb_jobs_internal.note_row()'::regprocedure, 'ayb_jobs_internal.note_truncated()'::regprocedure)
)sql"};

[[noreturn]] void refuse_kind(Relation table, const char *why, const char *hint) {
    ereport(ERROR,
            (errcode(ERRCODE_WRONG_OBJECT_TYPE),
             errmsg("changes of \"%s\" can't be listened to", RelationGetRelationName(table)),
             errdetail("%s", why), err_generic_string(PG_DIAG_COLUMN_NAME, "relation"),
             errhint("%s", hint)));
    pg_unreachable();
}

bool is_of_extension(Oid table) {
    return OidIsValid(getExtensionOfObject(RelationRelationId, table));
}

void check_kind(Relation table) {
    const char kind = table->rd_rel->relkind;
    const Oid oid = RelationGetRelid(table);
    if (kind != RELKIND_RELATION && kind != RELKIND_PARTITIONED_TABLE)
        refuse_kind(table, "It is no table.", "Enable the tables that it reads.");
    if (table->rd_rel->relpersistence == RELPERSISTENCE_TEMP)
        refuse_kind(table, "It is temporary.", "No other session sees its rows.");
    if (IsCatalogRelation(table) || is_of_extension(oid))
        refuse_kind(table, "It belongs to the system or to an extension.",
                    "Enable a table of your own.");
    if (kind == RELKIND_RELATION && has_subclass(oid))
        refuse_kind(table, "Other tables inherit from it.",
                    "Rows of those would come without an event: partition it, or enable those.");
}

// The columns of records, each once; null for all. Those of the primary key are among them.
void check_columns(Relation table, const AttrNumber *keys, int key_count, List *columns) {
    if (columns == NIL)
        return;
    ListCell *cell;
    foreach (cell, columns)
        if (get_attnum(RelationGetRelid(table), strVal(lfirst(cell))) <= 0)
            refuse_argument("columns",
                            psprintf("\"%s\" has no column \"%s\"", RelationGetRelationName(table),
                                     strVal(lfirst(cell))),
                            "NULL stands for all columns.");
    for (int i = 0; i < key_count; i++) {
        char *key = get_attname(RelationGetRelid(table), keys[i], false);
        if (!list_member(columns, makeString(key)))
            refuse_argument("columns", psprintf("columns must have \"%s\"", key),
                            "Without its primary key no listener knows which row it is.");
    }
}

List *columns_argument(FunctionCallInfo fcinfo, int number) {
    if (PG_ARGISNULL(number))
        return NIL;
    ArrayType *array = PG_GETARG_ARRAYTYPE_P(number);
    Datum *values;
    bool *nulls;
    int count;
    deconstruct_array(array, TEXTOID, -1, false, TYPALIGN_INT, &values, &nulls, &count);
    List *columns = NIL;
    for (int i = 0; i < count; i++)
        if (!nulls[i])
            columns = list_append_unique(columns, makeString(TextDatumGetCString(values[i])));
    if (columns == NIL || list_length(columns) < count)
        refuse_argument("columns", "columns must be names, each once",
                        "NULL stands for all columns.");
    return columns;
}

void check_owner(Relation table, Oid me) {
    if (owns_table(RelationGetRelid(table), me))
        return;
    const char *owner = role_name(table->rd_rel->relowner);
    ereport(ERROR, (errcode(ERRCODE_INSUFFICIENT_PRIVILEGE),
                    errmsg("must be owner of table %s", RelationGetRelationName(table)),
                    err_generic_string(PG_DIAG_COLUMN_NAME, "relation"),
                    errhint("Its owner, %s, may.", quote_identifier(owner))));
}

const char *full_name(Relation table) {
    return quote_qualified_identifier(get_namespace_name(RelationGetNamespace(table)),
                                      RelationGetRelationName(table));
}

// What is captured takes memory from others, as types do: who may make types may enable tables.
void check_room_for(Relation table, Oid me) {
    if (is_admin(me) || may_make_type(full_name(table), me))
        return;
    ereport(
        ERROR,
        (errcode(ERRCODE_INSUFFICIENT_PRIVILEGE),
         errmsg("role \"%s\" may not enable tables", role_name(me)),
         err_generic_string(PG_DIAG_COLUMN_NAME, "relation"),
         errhint("It takes what register_handler() takes: have the database's owner or an admin "
                 "run SELECT ayb_jobs.allow_types(%s);",
                 quote_literal_cstr(role_name(me)))));
}

const char *arguments_of(List *columns) {
    StringInfoData text;
    initStringInfo(&text);
    ListCell *cell;
    foreach (cell, columns)
        appendStringInfo(&text, "%s%s", text.len > 0 ? ", " : "",
                         quote_literal_cstr(strVal(lfirst(cell))));
    return text.data;
}

// Returns how many there were.
uint64 drop_triggers(Oid table, const char *full) {
    const uint64 count = g_triggers.run(table);
    auto **names = static_cast<const char **>(palloc((count + 1) * sizeof(const char *)));
    for (uint64 i = 0; i < count; i++)
        read_row(i, &names[i]);
    for (uint64 i = 0; i < count; i++)
        run_text(psprintf("DROP TRIGGER %s ON %s", quote_identifier(names[i]), full));
    return count;
}

// ALWAYS: what replication writes counts too. They go with the extension, and are not in its way.
void make_trigger(const char *full, const char *name, const char *when) {
    run_text(psprintf("CREATE TRIGGER %s AFTER %s", name, when));
    run_text(psprintf("ALTER TABLE %s ENABLE ALWAYS TRIGGER %s", full, name));
    run_text(psprintf("ALTER TRIGGER %s ON %s DEPENDS ON EXTENSION ayb_jobs", name, full));
}

void make_triggers(const char *full, List *columns) {
    make_trigger(full, "ayb_jobs_note_row",
                 psprintf("INSERT OR UPDATE OR DELETE ON %s FOR EACH ROW"
                          " EXECUTE FUNCTION ayb_jobs_internal.note_row(%s)",
                          full, arguments_of(columns)));
    make_trigger(full, "ayb_jobs_note_truncated",
                 psprintf("TRUNCATE ON %s FOR EACH STATEMENT"
                          " EXECUTE FUNCTION ayb_jobs_internal.note_truncated()",
                          full));
}

// Locks the table as CREATE TRIGGER does; the caller has its books open.
Relation open_for_change(Oid oid, Oid me) {
    LockRelationOid(oid, ShareRowExclusiveLock);
    Relation table = try_relation_open(oid, NoLock);
    if (table == nullptr)
        ereport(ERROR, (errcode(ERRCODE_UNDEFINED_TABLE), errmsg("there is no such table"),
                        err_generic_string(PG_DIAG_COLUMN_NAME, "relation")));
    check_owner(table, me);
    return table;
}

void check_key(Relation table, int key_count) {
    if (key_count == 0)
        refuse_kind(table, "It has no primary key, or one that is deferrable.",
                    "Records are read, and deletes told, by the primary key.");
}

void check_policies(Oid oid) {
    Listened listened;
    if (!open_listened(oid, &listened))
        ereport(ERROR, (errcode(ERRCODE_FEATURE_NOT_SUPPORTED),
                        errmsg("a policy of the table asks for session_user"),
                        err_generic_string(PG_DIAG_COLUMN_NAME, "relation"),
                        errhint("For who listens that is another role: use current_user.")));
    close_listened(listened);
}

Datum enable(Oid oid, List *columns, Oid me) {
    Relation table = open_for_change(oid, me);
    check_kind(table);
    check_room_for(table, me);
    AttrNumber keys[INDEX_MAX_KEYS];
    const int key_count = primary_key(table, keys);
    check_key(table, key_count);
    check_columns(table, keys, key_count, columns);
    const char *full = full_name(table);
    relation_close(table, NoLock); // what is open can't be changed
    drop_triggers(oid, full);
    make_triggers(full, columns);
    check_policies(oid);
    g_row.run(oid);
    Datum row = 0;
    read_row(0, &row);
    return row;
}

} // namespace

} // namespace ayb

using namespace ayb;

// enable_realtime(relation, columns) → realtime_tables
AYB_SQL_FUNCTION(ayb_jobs_enable_realtime) {
    require_argument(fcinfo, 0, "relation");
    const Oid oid = PG_GETARG_OID(0);
    List *columns = columns_argument(fcinfo, 1);
    const Oid me = GetUserId();
    MemoryContext context = CurrentMemoryContext;
    PG_RETURN_DATUM(in_bounded_books([=] { return copy_row(enable(oid, columns, me), context); }));
}

// disable_realtime(relation) → boolean
AYB_SQL_FUNCTION(ayb_jobs_disable_realtime) {
    require_argument(fcinfo, 0, "relation");
    const Oid oid = PG_GETARG_OID(0);
    const Oid me = GetUserId();
    const bool was = in_bounded_books([=] {
        Relation table = open_for_change(oid, me);
        const char *full = full_name(table);
        relation_close(table, NoLock);
        return drop_triggers(oid, full) > 0;
    });
    if (was && preloaded())
        note_resync(oid, Resync::definition); // who listens finds that it is enabled no more
    PG_RETURN_BOOL(was);
}
