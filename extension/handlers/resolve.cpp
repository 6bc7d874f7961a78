// From a registered handler to code that may run as a role.
#include "handlers/handlers.hpp"
#include "pg/roles.hpp"

namespace ayb {

namespace {

// A's code must never run as B: not through a type that A registered, and not through a function
// that A can replace. What B registered itself it trusts, as long as it is still the same role's: a
// name can be dropped, and made again by others. A superuser's jobs run only what a superuser owns.
bool code_is_trusted(const Handler &handler, Oid code_owner, Oid role) {
    if (superuser_arg(code_owner))
        return true;
    if (superuser_arg(role))
        return false;
    return code_owner == role || (handler.owner == role && (handler.kind == Kind::command ||
                                                            code_owner == handler.function_owner));
}

[[noreturn]] void refuse_owner(const Handler &handler, Oid role) {
    ereport(ERROR, (errcode(ERRCODE_INSUFFICIENT_PRIVILEGE),
                    errmsg("the handler of type \"%s\" may not run as role \"%s\"", handler.type,
                           role_name(role)),
                    superuser_arg(role)
                        ? errhint("Jobs of a superuser run only what a superuser owns.")
                        : errhint("Register the handler as that role, or with definer => true.")));
    pg_unreachable();
}

Oid find_function(const Handler &handler) {
    const Oid schema = get_namespace_oid(NameStr(handler.schema), true);
    Oid argument = JSONBOID;
    oidvector *arguments = buildoidvector(&argument, handler.takes_payload ? 1 : 0);
    const Oid function = OidIsValid(schema)
                             ? GetSysCacheOid3(PROCNAMEARGSNSP, Anum_pg_proc_oid,
                                               CStringGetDatum(NameStr(handler.name)),
                                               PointerGetDatum(arguments), ObjectIdGetDatum(schema))
                             : InvalidOid;
    if (!OidIsValid(function))
        ereport(
            ERROR,
            (errcode(ERRCODE_UNDEFINED_FUNCTION),
             errmsg("function %s.%s(%s) does not exist", quote_identifier(NameStr(handler.schema)),
                    quote_identifier(NameStr(handler.name)), handler.takes_payload ? "jsonb" : ""),
             errhint("Create it, or register the handler of type \"%s\" again.", handler.type)));
    return function;
}

} // namespace

void check_handler_shape(const char *type, const FormData_pg_proc *form) {
    if (form->prokind == PROKIND_FUNCTION && !form->proretset)
        return;
    ereport(ERROR,
            (errcode(ERRCODE_INVALID_FUNCTION_DEFINITION),
             errmsg("the handler of type \"%s\" must be a plain function", type),
             form->prokind == PROKIND_PROCEDURE
                 ? errhint("Register a procedure with kind => 'command' and handler => 'CALL ...'.")
                 : errhint("It may return one value or void, not a set.")));
}

Oid resolve_function(const Handler &handler, Oid role) {
    const Oid function = find_function(handler);
    HeapTuple tuple = SearchSysCache1(PROCOID, ObjectIdGetDatum(function));
    if (!HeapTupleIsValid(tuple))
        elog(ERROR, "cache lookup failed for function %u", function);
    const auto *form = reinterpret_cast<Form_pg_proc>(GETSTRUCT(tuple));
    check_handler_shape(handler.type, form);
    const Oid owner = form->proowner;
    const Oid schema = form->pronamespace;
    ReleaseSysCache(tuple);

    if (!may_use_schema(schema, role))
        aclcheck_error(ACLCHECK_NO_PRIV, OBJECT_SCHEMA, NameStr(handler.schema));
    if (!may_execute(function, role))
        aclcheck_error(ACLCHECK_NO_PRIV, OBJECT_FUNCTION, NameStr(handler.name));
    if (!code_is_trusted(handler, owner, role))
        refuse_owner(handler, role);
    return function;
}

void check_command(const Handler &handler, Oid role) {
    if (!handler.builtin && !code_is_trusted(handler, handler.owner, role))
        refuse_owner(handler, role);
}

} // namespace ayb
