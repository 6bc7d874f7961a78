// From a registered handler to code that may run as a role.
#include "base/arguments.hpp"
#include "handlers/handlers.hpp"
#include "handlers/intruder.hpp"

#include "base/rights.hpp"

namespace ayb {

namespace {

// Whose type: R's own, a superuser's, that of a role which may act as R anyway, or an admin's. A
// superuser's jobs are served by superusers' types alone: a payload is handed out by this too.
bool type_is_trusted(const Handler &handler, Oid role) {
    if (handler.owner == role || superuser_arg(handler.owner))
        return true;
    return !superuser_arg(role) &&
           (has_privs_of_role(handler.owner, role) || is_admin(handler.owner));
}

// A's code must never run as B, not through a function that A can replace either. What B registered
// itself it trusts, as long as it is still the same role's: a name can be dropped, and made again
// by others. A superuser's jobs run only what a superuser owns.
bool code_is_trusted(const Handler &handler, Oid code_owner, Oid role) {
    if (superuser_arg(code_owner))
        return true;
    if (superuser_arg(role))
        return false;
    if (code_owner == role)
        return true;
    return handler.owner == role
               ? code_owner == handler.function_owner
               : code_owner == handler.owner && has_privs_of_role(handler.owner, role);
}

bool has_handler_shape(const FormData_pg_proc *form) {
    return form->prokind == PROKIND_FUNCTION && !form->proretset;
}

Oid find_function(const Handler &handler) {
    const Oid schema = get_namespace_oid(NameStr(handler.schema), true);
    Oid argument = JSONBOID;
    oidvector *arguments = buildoidvector(&argument, handler.takes_payload ? 1 : 0);
    return OidIsValid(schema)
               ? GetSysCacheOid3(PROCNAMEARGSNSP, Anum_pg_proc_oid,
                                 CStringGetDatum(NameStr(handler.name)), PointerGetDatum(arguments),
                                 ObjectIdGetDatum(schema))
               : InvalidOid;
}

// The doubts of a function that is there.
Doubt doubt_of_function(const Handler &handler, const FormData_pg_proc *form, Oid role) {
    if (!has_handler_shape(form))
        return Doubt::shape;
    if (!may_use_schema(form->pronamespace, role))
        return Doubt::schema;
    if (!may_execute(form->oid, role))
        return Doubt::execute;
    if (!type_is_trusted(handler, role))
        return Doubt::type;
    return code_is_trusted(handler, form->proowner, role) ? Doubt::none : Doubt::code;
}

Code look_up_function(const Handler &handler, Oid role) {
    const Oid function = find_function(handler);
    HeapTuple tuple = SearchSysCache1(PROCOID, ObjectIdGetDatum(function));
    if (!HeapTupleIsValid(tuple))
        return {InvalidOid, Doubt::missing};
    const auto *form = reinterpret_cast<Form_pg_proc>(GETSTRUCT(tuple));
    const Code code{function, doubt_of_function(handler, form, role)};
    ReleaseSysCache(tuple);
    return code;
}

// "schema.name(jsonb)"
const char *signature_of(const Handler &handler) {
    return psprintf("%s.%s(%s)", quote_identifier(NameStr(handler.schema)),
                    quote_identifier(NameStr(handler.name)), handler.takes_payload ? "jsonb" : "");
}

[[noreturn]] void report_shape(const char *type, bool procedure) {
    ereport(ERROR,
            (errcode(ERRCODE_INVALID_FUNCTION_DEFINITION),
             errmsg("the handler of type \"%s\" must be a plain function", type),
             procedure
                 ? errhint("Register a procedure with kind => 'command' and handler => 'CALL ...'.")
                 : errhint("It may return one value or void, not a set.")));
    pg_unreachable();
}

const char *ways_to_trust(const Handler &handler, Doubt doubt, Oid role) {
    const char *name = quote_identifier(role_name(role));
    if (superuser_arg(role))
        return "Jobs of a superuser run only what a superuser owns, by a type that a superuser"
               " registered.";
    const char *itself =
        psprintf("register the handler with owner => %s, or as that role%s",
                 quote_literal_cstr(role_name(role)),
                 handler.kind == Kind::function ? ", or with definer => true." : ".");
    return doubt == Doubt::type || handler.kind != Kind::function
               ? psprintf("GRANT %s TO %s; and %s", name,
                          quote_identifier(role_name(handler.owner)), itself)
               : psprintf("R%s", itself + 1);
}

} // namespace

void check_handler_shape(const char *type, const FormData_pg_proc *form) {
    if (!has_handler_shape(form))
        report_shape(type, form->prokind == PROKIND_PROCEDURE);
}

// Where somebody could have written a job by hand, it is no other role's.
Code code_of(const Handler &handler, Oid role) {
    if (OidIsValid(intruder()) && intruder() != role)
        return {InvalidOid, Doubt::books};
    if (handler.kind == Kind::function)
        return look_up_function(handler, role);
    if (!type_is_trusted(handler, role))
        return {InvalidOid, Doubt::type};
    // What the built-in type `command` runs comes from whoever ordered the job.
    const bool code = handler.kind == Kind::command && handler.command != nullptr;
    const bool trusted =
        !code || handler.owner == role || code_is_trusted(handler, handler.owner, role);
    return {InvalidOid, trusted ? Doubt::none : Doubt::code};
}

Doubt doubt_of(const Handler &handler, Oid role) { return code_of(handler, role).doubt; }

const char *remedy_of(const Handler &handler, Doubt doubt, Oid role) {
    const char *name = quote_identifier(role_name(role));
    switch (doubt) {
    case Doubt::none:
        return "";
    case Doubt::missing:
    case Doubt::shape:
        return psprintf("Create function %s, or register the handler again.",
                        signature_of(handler));
    case Doubt::schema:
        return psprintf("GRANT USAGE ON SCHEMA %s TO %s;",
                        quote_identifier(NameStr(handler.schema)), name);
    case Doubt::execute:
        return psprintf("GRANT EXECUTE ON FUNCTION %s TO %s;", signature_of(handler), name);
    case Doubt::type:
    case Doubt::code:
        return ways_to_trust(handler, doubt, role);
    case Doubt::bond:
        return "Register what it was bound to again.";
    case Doubt::enqueuer:
        return "Cancel it.";
    case Doubt::books:
        return "See the check tables: ayb_jobs.health().";
    }
    pg_unreachable();
}

void refuse_doubt(const Handler &handler, Doubt doubt, Oid role) {
    if (doubt == Doubt::missing)
        ereport(ERROR, (errcode(ERRCODE_UNDEFINED_FUNCTION),
                        errmsg("function %s does not exist", signature_of(handler)),
                        errhint("Create it, or register the handler of type \"%s\" again.",
                                handler.type)));
    if (doubt == Doubt::shape)
        report_shape(handler.type, get_func_prokind(find_function(handler)) == PROKIND_PROCEDURE);
    if (doubt == Doubt::schema)
        aclcheck_error(ACLCHECK_NO_PRIV, OBJECT_SCHEMA, NameStr(handler.schema));
    if (doubt == Doubt::execute)
        aclcheck_error(ACLCHECK_NO_PRIV, OBJECT_FUNCTION, NameStr(handler.name));
    if (doubt == Doubt::enqueuer)
        ereport(ERROR, (errcode(ERRCODE_UNDEFINED_OBJECT),
                        errmsg("the role that enqueued the job does not exist any more")));
    if (doubt == Doubt::bond)
        ereport(ERROR,
                (errcode(ERRCODE_OBJECT_NOT_IN_PREREQUISITE_STATE),
                 errmsg("the job is bound to another registration of type \"%s\"", handler.type)));
    ereport(ERROR, (errcode(ERRCODE_INSUFFICIENT_PRIVILEGE),
                    errmsg("the handler of type \"%s\" may not run as role \"%s\"", handler.type,
                           role_name(role)),
                    doubt == Doubt::type
                        ? errdetail("The type belongs to role \"%s\".", role_name(handler.owner))
                        : 0,
                    errhint("%s", remedy_of(handler, doubt, role))));
    pg_unreachable();
}

Oid require_code(const Handler &handler, Oid role) {
    const Code code = code_of(handler, role);
    if (code.doubt != Doubt::none)
        refuse_doubt(handler, code.doubt, role);
    return code.function;
}

Doubt doubt_of_bond(const Handler *handler, const Bond &bond, Oid run_as) {
    if (handler == nullptr || handler->owner != run_as ||
        !(handler->registration == bond.registration))
        return Doubt::bond;
    // Of nobody PostgreSQL says that they may what everybody may.
    if (!role_exists(bond.enqueued_by))
        return Doubt::enqueuer;
    const Oid function = find_function(*handler);
    if (!OidIsValid(function))
        return Doubt::missing;
    if (!may_use_schema(get_func_namespace(function), bond.enqueued_by))
        return Doubt::schema;
    return may_execute(function, bond.enqueued_by) ? Doubt::none : Doubt::execute;
}

const char *remedy_of_bond(const Handler *handler, Doubt doubt, const char *type, const Bond &bond,
                           Oid run_as) {
    if (doubt == Doubt::enqueuer)
        return psprintf("SELECT ayb_jobs.cancel(id) FROM ayb_jobs.job_queue WHERE type = %s AND "
                        "state = 'queued' AND enqueued_by = %u;",
                        quote_literal_cstr(type), bond.enqueued_by);
    if (doubt != Doubt::bond)
        return remedy_of(*handler, doubt, bond.enqueued_by);
    return psprintf("Register the function of then again as role %s, with definer => true; or "
                    "SELECT ayb_jobs.cancel(id) FROM ayb_jobs.job_queue WHERE type = %s AND "
                    "state = 'queued' AND registration = '%s';",
                    quote_identifier(role_name(run_as)), quote_literal_cstr(type),
                    uuid_text(bond.registration));
}

} // namespace ayb
