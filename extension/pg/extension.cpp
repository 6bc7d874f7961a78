#include "pg/extension.hpp"

extern "C" {
#include "catalog/pg_constraint.h"
}

namespace ayb {

namespace {

Oid g_owner = InvalidOid;
bool g_fits;

struct Row {
    Oid owner; // InvalidOid without the extension
    Oid schema;
    const char *version; // palloc'd
};

Row read_row() {
    Relation extensions = table_open(ExtensionRelationId, AccessShareLock);
    ScanKeyData key;
    ScanKeyInit(&key, Anum_pg_extension_extname, BTEqualStrategyNumber, F_NAMEEQ,
                CStringGetDatum("ayb_jobs"));
    SysScanDesc scan = systable_beginscan(extensions, ExtensionNameIndexId, true, nullptr, 1, &key);
    Row row{InvalidOid, InvalidOid, AYB_JOBS_VERSION};
    HeapTuple tuple = systable_getnext(scan);
    if (HeapTupleIsValid(tuple)) {
        const auto *form = reinterpret_cast<Form_pg_extension>(GETSTRUCT(tuple));
        bool null;
        const Datum version =
            heap_getattr(tuple, Anum_pg_extension_extversion, RelationGetDescr(extensions), &null);
        row = Row{form->extowner, form->extnamespace, TextDatumGetCString(version)};
    }
    systable_endscan(scan);
    table_close(extensions, AccessShareLock);
    return row;
}

// pg_extension has no syscache; whatever changes it also changes the schema's entry, or is
// announced.
void forget(Datum /*argument*/, int /*cache*/, uint32 /*hash*/) { g_owner = InvalidOid; }

bool fits(const Row &row) { return strcmp(row.version, AYB_JOBS_VERSION) == 0; }

[[noreturn]] void report_misfit() {
    ereport(ERROR,
            (errcode(ERRCODE_OBJECT_NOT_IN_PREREQUISITE_STATE),
             errmsg("the library ayb_jobs is of version %s, its objects in this database of %s",
                    AYB_JOBS_VERSION, read_row().version),
             errhint("Run ALTER EXTENSION ayb_jobs UPDATE; if they are newer than the library, "
                     "install that version and restart the server.")));
}

} // namespace

bool extension_exists() { return OidIsValid(read_row().owner); }

Oid extension_schema() { return read_row().schema; }

Oid extension_owner() {
    if (!OidIsValid(g_owner)) {
        const Row row = read_row();
        g_owner = row.owner;
        g_fits = fits(row);
    }
    if (!OidIsValid(g_owner))
        ereport(ERROR,
                (errcode(ERRCODE_UNDEFINED_OBJECT), errmsg("extension \"ayb_jobs\" does not exist"),
                 errhint("Run CREATE EXTENSION ayb_jobs in this database.")));
    return g_owner;
}

Oid require_extension() {
    const Oid owner = extension_owner();
    if (!g_fits)
        report_misfit();
    return owner;
}

bool extension_fits() { return fits(read_row()); }

void announce_extension_change() { CacheInvalidateCatalog(NamespaceRelationId); }

void install_extension_callbacks() { CacheRegisterSyscacheCallback(NAMESPACEOID, forget, 0); }

Oid tables_schema() { return get_namespace_oid("ayb_jobs", true); }

Oid extension_table(const char *name) {
    return get_relname_relid(name, get_namespace_oid("ayb_jobs", false));
}

Oid hooked_table(Oid catalog, Oid object) {
    const bool trigger = catalog == TriggerRelationId;
    if (!trigger && catalog != ConstraintRelationId)
        return InvalidOid;
    Relation rows = table_open(catalog, AccessShareLock);
    ScanKeyData key;
    ScanKeyInit(&key, trigger ? Anum_pg_trigger_oid : Anum_pg_constraint_oid, BTEqualStrategyNumber,
                F_OIDEQ, ObjectIdGetDatum(object));
    SysScanDesc scan = systable_beginscan(rows, trigger ? TriggerOidIndexId : ConstraintOidIndexId,
                                          true, SnapshotSelf, 1, &key);
    HeapTuple row = systable_getnext(scan);
    const int column = trigger ? Anum_pg_trigger_tgrelid : Anum_pg_constraint_confrelid;
    bool null;
    const Datum table = HeapTupleIsValid(row)
                            ? heap_getattr(row, column, RelationGetDescr(rows), &null)
                            : ObjectIdGetDatum(InvalidOid);
    systable_endscan(scan);
    table_close(rows, AccessShareLock);
    return DatumGetObjectId(table);
}

} // namespace ayb

AYB_SQL_FUNCTION(ayb_jobs_library_version) { PG_RETURN_TEXT_P(cstring_to_text(AYB_JOBS_VERSION)); }
