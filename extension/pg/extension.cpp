#include "pg/extension.hpp"

namespace ayb {

namespace {

Oid g_owner = InvalidOid;

struct Row {
    Oid owner; // InvalidOid without the extension
    Oid schema;
};

Row read_row() {
    Relation extensions = table_open(ExtensionRelationId, AccessShareLock);
    ScanKeyData key;
    ScanKeyInit(&key, Anum_pg_extension_extname, BTEqualStrategyNumber, F_NAMEEQ,
                CStringGetDatum("ayb_jobs"));
    SysScanDesc scan = systable_beginscan(extensions, ExtensionNameIndexId, true, nullptr, 1, &key);
    Row row{InvalidOid, InvalidOid};
    HeapTuple tuple = systable_getnext(scan);
    if (HeapTupleIsValid(tuple)) {
        const auto *form = reinterpret_cast<Form_pg_extension>(GETSTRUCT(tuple));
        row = Row{form->extowner, form->extnamespace};
    }
    systable_endscan(scan);
    table_close(extensions, AccessShareLock);
    return row;
}

// pg_extension has no syscache; whatever changes it also changes the schema's entry or our tables.
void forget(Datum /*argument*/, int /*cache*/, uint32 /*hash*/) { g_owner = InvalidOid; }

} // namespace

bool extension_exists() { return OidIsValid(read_row().owner); }

Oid extension_schema() { return read_row().schema; }

Oid extension_owner() {
    if (!OidIsValid(g_owner))
        g_owner = read_row().owner;
    if (!OidIsValid(g_owner))
        ereport(ERROR,
                (errcode(ERRCODE_UNDEFINED_OBJECT), errmsg("extension \"ayb_jobs\" does not exist"),
                 errhint("Run CREATE EXTENSION ayb_jobs in this database.")));
    return g_owner;
}

void install_extension_callbacks() { CacheRegisterSyscacheCallback(NAMESPACEOID, forget, 0); }

Oid extension_table(const char *name) {
    return get_relname_relid(name, get_namespace_oid("ayb_jobs", false));
}

} // namespace ayb
