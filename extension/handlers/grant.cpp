// grant_worker() and revoke_worker(): whose workers outside may take jobs that are other roles'.
#include "base/arguments.hpp"
#include "base/rights.hpp"
#include "base/rows.hpp"
#include "handlers/handlers.hpp"
#include "pg/clock.hpp"
#include "pg/roles.hpp"
#include "pg/sql.hpp"

namespace ayb {

namespace {

Sql<const char *, Oid, std::optional<Oid>, Oid, At> g_grant{R"sql(
    INSERT INTO ayb_jobs.worker_grants AS g (type, role, for_role, granted_by, granted_at)
    VALUES ($1, $2, $3, $4, $5)
    ON CONFLICT ON CONSTRAINT worker_grants_key DO UPDATE
    SET granted_by = excluded.granted_by, granted_at = excluded.granted_at
    RETURNING g
)sql"};
Sql<const char *, Oid, std::optional<Oid>> g_revoke{R"sql(
    DELETE FROM ayb_jobs.worker_grants
    WHERE type = $1 AND role = $2 AND for_role IS NOT DISTINCT FROM $3
)sql"};

// The arguments of both.
struct Grant {
    const char *type;
    Oid role;
    std::optional<Oid> for_role; // none for all who trust the type's owner
    Oid granted_by;              // by whose right
};

// The role whose right it is must be the caller's to take, or an ordinary one's by an admin's: who
// is none must not hand out a superuser's jobs.
void require_right(Oid role, const char *argument) {
    const Oid me = GetUserId();
    if (may_become(me, role) || (is_admin(me) && !superuser_arg(role)))
        return;
    ereport(ERROR,
            (errcode(ERRCODE_INSUFFICIENT_PRIVILEGE),
             errmsg("must be able to SET ROLE \"%s\" to say who takes its jobs", role_name(role)),
             err_generic_string(PG_DIAG_COLUMN_NAME, argument),
             errhint("The type's owner says it of all who trust it, a role of its own jobs:"
                     " for_role.")));
}

Oid owner_of(const char *type) {
    const Handler *handler = find_handler(type);
    if (handler == nullptr)
        ereport(ERROR, (errcode(ERRCODE_UNDEFINED_OBJECT),
                        errmsg("no handler is registered for type \"%s\"", type),
                        err_generic_string(PG_DIAG_COLUMN_NAME, "type"),
                        errhint("SELECT ayb_jobs.register_handler(type, kind => 'external');")));
    return handler->owner;
}

Grant grant_arguments(FunctionCallInfo fcinfo) {
    Grant grant{type_argument(fcinfo, 0), required_role_argument(fcinfo, 1, "role"), std::nullopt,
                InvalidOid};
    const Oid for_role = role_argument(fcinfo, 2, "for_role");
    if (OidIsValid(for_role))
        grant.for_role = for_role;
    grant.granted_by = grant.for_role ? for_role : owner_of(grant.type);
    require_right(grant.granted_by, grant.for_role ? "for_role" : "type");
    return grant;
}

} // namespace

} // namespace ayb

using namespace ayb;

// grant_worker(type, role, for_role) → worker_grants
AYB_SQL_FUNCTION(ayb_jobs_grant_worker) {
    const Grant grant = grant_arguments(fcinfo);
    MemoryContext context = CurrentMemoryContext;
    PG_RETURN_DATUM(in_bounded_books([&] {
        Datum row = 0;
        g_grant.run(grant.type, grant.role, grant.for_role, grant.granted_by, At{clock_now()});
        read_row(0, &row);
        return copy_row(row, context);
    }));
}

// revoke_worker(type, role, for_role) → boolean
AYB_SQL_FUNCTION(ayb_jobs_revoke_worker) {
    const Grant grant = grant_arguments(fcinfo);
    PG_RETURN_BOOL(
        in_bounded_books([&] { return g_revoke.run(grant.type, grant.role, grant.for_role) > 0; }));
}
