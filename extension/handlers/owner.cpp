// give_handler(), allow_types(), disallow_types().
#include "handlers/owner.hpp"

#include "base/arguments.hpp"
#include "base/rows.hpp"
#include "handlers/right.hpp"
#include "hooks/changes.hpp"
#include "pg/clock.hpp"
#include "pg/roles.hpp"
#include "pg/sql.hpp"
#include "pg/tuples.hpp"

namespace ayb {

namespace {

constexpr int kMostTypes = 1000; // of a role that is no admin

Sql<const char *> g_owner{R"sql(
    SELECT owner::oid, builtin FROM ayb_jobs.handlers WHERE type = $1 FOR UPDATE
)sql"};
Sql<Oid> g_count{"SELECT count(*) FROM ayb_jobs.handlers WHERE owner = $1"};
Sql<const char *, Oid, At> g_give{R"sql(
    UPDATE ayb_jobs.handlers AS h SET owner = $2, updated_at = $3 WHERE type = $1 RETURNING h
)sql"};
// A role has what was allowed to those whose privileges it has.
Sql<const char *, Oid> g_allowed{R"sql(
    SELECT FROM ayb_jobs.allowed_types AS a
    WHERE pg_has_role($2, a.role, 'USAGE') AND $1 LIKE a.pattern
)sql"};
Sql<Oid, const char *, Oid, At> g_allow{R"sql(
    INSERT INTO ayb_jobs.allowed_types AS a (role, pattern, allowed_by, allowed_at)
    VALUES ($1, $2, $3, $4)
    ON CONFLICT (role, pattern) DO UPDATE
    SET allowed_by = excluded.allowed_by, allowed_at = excluded.allowed_at
    RETURNING a
)sql"};
Sql<Oid, const char *> g_disallow{R"sql(
    DELETE FROM ayb_jobs.allowed_types WHERE role = $1 AND pattern = $2
)sql"};

Oid owner_of_database() {
    return catalog_field(DATABASEOID, MyDatabaseId, &FormData_pg_database::datdba, InvalidOid);
}

// A pattern that LIKE would stumble over refuses nothing and allows nothing: it raises.
const char *pattern_argument(FunctionCallInfo fcinfo, int number) {
    const char *pattern = name_argument(fcinfo, number, "pattern", "% stands for all types.");
    int escapes = 0;
    for (const char *at = pattern + strlen(pattern); at > pattern && at[-1] == '\\'; at--)
        escapes++;
    if (escapes % 2 != 0)
        ereport(ERROR, (errcode(ERRCODE_INVALID_ESCAPE_SEQUENCE),
                        errmsg("pattern must not end with an escape character"),
                        err_generic_string(PG_DIAG_COLUMN_NAME, "pattern"),
                        errhint("Two backslashes stand for one.")));
    return pattern;
}

Datum give(const char *type, Oid owner, Oid caller, bool admin) {
    const TypeOwner before = lock_type(type, caller, admin);
    if (!OidIsValid(before.role))
        refuse_unknown(type);
    if (before.builtin)
        refuse_builtin(type);
    if (!admin && before.role != owner)
        check_room(owner);
    g_give.run(type, owner, At{clock_now()});
    Datum row = 0;
    read_row(0, &row);
    return row;
}

} // namespace

bool may_make_type(const char *type, Oid role) {
    return owns_database(MyDatabaseId, role) || may_create_in(MyDatabaseId, role) ||
           g_allowed.first(type, role);
}

TypeOwner lock_type(const char *type, Oid caller, bool admin) {
    TypeOwner found{};
    if (g_owner.run(type) == 0)
        return found;
    read_row(0, &found.role, &found.builtin);
    if (!admin && !has_privs_of_role(caller, found.role))
        ereport(ERROR,
                (errcode(ERRCODE_INSUFFICIENT_PRIVILEGE),
                 errmsg("must be owner of the handler of type \"%s\"", type),
                 errdetail("It belongs to role %s.", quote_identifier(role_name(found.role))),
                 errhint("Its owner may, and members of ayb_jobs_admin.")));
    return found;
}

bool may_own_for(Oid caller, Oid owner) {
    if (caller == owner || superuser_arg(caller))
        return true;
    return !superuser_arg(owner) && may_become(caller, owner);
}

void refuse_owner(Oid caller, Oid owner) {
    const char *name = role_name(owner);
    if (superuser_arg(owner))
        ereport(ERROR, (errcode(ERRCODE_INSUFFICIENT_PRIVILEGE),
                        errmsg("only a superuser may have a type belong to superuser \"%s\"", name),
                        err_generic_string(PG_DIAG_COLUMN_NAME, "owner")));
    ereport(ERROR, (errcode(ERRCODE_INSUFFICIENT_PRIVILEGE),
                    errmsg("must be able to SET ROLE \"%s\" to have a type belong to it", name),
                    err_generic_string(PG_DIAG_COLUMN_NAME, "owner"),
                    errhint("GRANT %s TO %s;", quote_identifier(name),
                            quote_identifier(role_name(caller)))));
    pg_unreachable();
}

void check_new_type(const char *type, Oid caller, Oid owner) {
    if (may_make_type(type, caller) || (may_own_for(caller, owner) && may_make_type(type, owner)))
        return;
    const char *me = role_name(caller);
    ereport(ERROR,
            (errcode(ERRCODE_INSUFFICIENT_PRIVILEGE),
             errmsg("role \"%s\" may not register a new type", me),
             err_generic_string(PG_DIAG_COLUMN_NAME, "type"),
             errhint("Register it as the database's owner, %s; or have that role or an admin run "
                     "SELECT ayb_jobs.allow_types(%s); or GRANT CREATE ON DATABASE %s TO %s;",
                     quote_identifier(role_name(owner_of_database())), quote_literal_cstr(me),
                     quote_identifier(get_database_name(MyDatabaseId)), quote_identifier(me))));
}

void check_room(Oid owner) {
    g_count.run(owner);
    int64 count = 0;
    read_row(0, &count);
    if (count >= kMostTypes)
        ereport(ERROR, (errcode(ERRCODE_PROGRAM_LIMIT_EXCEEDED),
                        errmsg("role \"%s\" has %d types, the most that a role may have",
                               role_name(owner), kMostTypes),
                        err_generic_string(PG_DIAG_COLUMN_NAME, "type"),
                        errhint("ayb_jobs.unregister_handler() makes room; a payload can say what "
                                "is to be done.")));
}

void refuse_builtin(const char *type) {
    ereport(ERROR,
            (errcode(ERRCODE_OBJECT_NOT_IN_PREREQUISITE_STATE),
             errmsg("type \"%s\" is built in", type), errhint("ayb_jobs.pause(type) stops it.")));
    pg_unreachable();
}

void refuse_unknown(const char *type) {
    ereport(ERROR, (errcode(ERRCODE_UNDEFINED_OBJECT),
                    errmsg("no handler is registered for type \"%s\"", type),
                    errhint("See the table ayb_jobs.handlers.")));
    pg_unreachable();
}

} // namespace ayb

using namespace ayb;

// give_handler(type, owner) → handlers
AYB_SQL_FUNCTION(ayb_jobs_give_handler) {
    const char *type = type_argument(fcinfo, 0);
    const Oid owner = required_role_argument(fcinfo, 1, "owner");
    const Oid caller = GetUserId();
    const bool admin = is_admin(caller);
    MemoryContext context = CurrentMemoryContext;
    if (!may_own_for(caller, owner))
        refuse_owner(caller, owner);
    PG_RETURN_DATUM(
        in_bounded_books([&] { return copy_row(give(type, owner, caller, admin), context); }));
}

// allow_types(role, pattern) → allowed_types
AYB_SQL_FUNCTION(ayb_jobs_allow_types) {
    check_right(nullptr, Right::admin);
    const Oid role = required_role_argument(fcinfo, 0, "role");
    const char *pattern = pattern_argument(fcinfo, 1);
    const Oid me = GetUserId();
    MemoryContext context = CurrentMemoryContext;
    PG_RETURN_DATUM(in_bounded_books([&] {
        Datum row = 0;
        g_allow.run(role, pattern, me, At{clock_now()});
        read_row(0, &row);
        return copy_row(row, context);
    }));
}

// disallow_types(role, pattern) → boolean
AYB_SQL_FUNCTION(ayb_jobs_disallow_types) {
    check_right(nullptr, Right::admin);
    const Oid role = required_role_argument(fcinfo, 0, "role");
    const char *pattern = pattern_argument(fcinfo, 1);
    PG_RETURN_BOOL(in_bounded_books([=] { return g_disallow.run(role, pattern) > 0; }));
}
