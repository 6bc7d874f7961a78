#include "hooks/access_hook.hpp"

#include "hooks/changes.hpp"
#include "pg/extension.hpp"

namespace ayb {

namespace {

object_access_hook_type g_previous;

// Its schema belongs to the extension; a day of the history itself doesn't.
bool is_ours(Oid table) {
    if (!OidIsValid(table))
        return false;
    const Oid schema = get_rel_namespace(table);
    if (!OidIsValid(schema) || schema == PG_CATALOG_NAMESPACE)
        return false;
    const Oid extension = get_extension_oid("ayb_jobs", true);
    return OidIsValid(extension) && getExtensionOfObject(NamespaceRelationId, schema) == extension;
}

[[noreturn]] void refuse(Oid table, const char *who_may, const char *hint) {
    ereport(ERROR, (errcode(ERRCODE_INSUFFICIENT_PRIVILEGE),
                    errmsg("%s ayb_jobs' table \"%s\"", who_may, get_rel_name(table)),
                    errhint("%s", hint)));
    pg_unreachable();
}

void on_create(Oid catalog, Oid object) {
    if (superuser())
        return;
    const Oid table = hooked_table(catalog, object);
    if (is_ours(table))
        refuse(table, "only a superuser may create a trigger on, or a foreign key to,",
               "Keep a job's id without a key; ask ayb_jobs.events() what became of it.");
}

// Whoever hasn't the right PostgreSQL itself refuses.
void on_truncate(Oid table) {
    const Oid me = GetUserId();
    if (pg_class_aclcheck(table, me, ACL_TRUNCATE) == ACLCHECK_OK && !owns_table(table, me) &&
        is_ours(table))
        refuse(table, "only its owner may truncate",
               "ayb_jobs.cancel_matching() cancels what you may cancel.");
}

void on_access(ObjectAccessType access, Oid catalog, Oid object, int part, void *argument) {
    if (g_previous != nullptr)
        g_previous(access, catalog, object, part, argument);
    if (access == OAT_POST_CREATE)
        on_create(catalog, object);
    else if (access == OAT_TRUNCATE)
        on_truncate(object);
    else if (access == OAT_DROP && catalog == AuthIdRelationId)
        note_dropped_role();
}

} // namespace

void install_access_hook() {
    g_previous = object_access_hook;
    object_access_hook = on_access;
}

} // namespace ayb
