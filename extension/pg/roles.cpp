#include "pg/roles.hpp"

#include "pg/settings.hpp"

namespace ayb {

bool role_exists(Oid role) { return SearchSysCacheExists1(AUTHOID, ObjectIdGetDatum(role)); }

const char *why_no_login(Oid role) {
    HeapTuple tuple = SearchSysCache1(AUTHOID, ObjectIdGetDatum(role));
    if (!HeapTupleIsValid(tuple))
        return pstrdup("the role does not exist any more");
    const auto *form = reinterpret_cast<Form_pg_authid>(GETSTRUCT(tuple));
    const char *why = nullptr;
    if (!form->rolcanlogin)
        why = psprintf("role \"%s\" may not log in", NameStr(form->rolname));
    else if (!may_connect(MyDatabaseId, role))
        why = psprintf("role \"%s\" may not connect to this database", NameStr(form->rolname));
    ReleaseSysCache(tuple);
    return why;
}

const char *actor() {
    if (*settings::actor == '\0')
        return nullptr;
    const Oid sidecar = get_role_oid("ayb_jobs_sidecar", true);
    return OidIsValid(sidecar) && is_member_of_role(GetSessionUserId(), sidecar) ? settings::actor
                                                                                 : nullptr;
}

const char *role_name(Oid role) {
    const char *name = GetUserNameFromId(role, true);
    return name != nullptr ? name : psprintf("%u", role);
}

ArrayType *visible_roles() {
    const Oid me = GetUserId();
    Relation roles = table_open(AuthIdRelationId, AccessShareLock);
    SysScanDesc scan = systable_beginscan(roles, InvalidOid, false, nullptr, 0, nullptr);
    ArrayBuildState *found = initArrayResult(OIDOID, CurrentMemoryContext, false);
    while (HeapTuple tuple = systable_getnext(scan)) {
        const Oid role = reinterpret_cast<Form_pg_authid>(GETSTRUCT(tuple))->oid;
        if (role == me || has_privs_of_role(me, role))
            found = accumArrayResult(found, ObjectIdGetDatum(role), false, OIDOID,
                                     CurrentMemoryContext);
    }
    systable_endscan(scan);
    table_close(roles, AccessShareLock);
    return DatumGetArrayTypeP(makeArrayResult(found, CurrentMemoryContext));
}

} // namespace ayb

// visible_roles() → oid[]: asked by the row-level security policies, once a statement.
AYB_SQL_FUNCTION(ayb_jobs_visible_roles) { PG_RETURN_ARRAYTYPE_P(ayb::visible_roles()); }
