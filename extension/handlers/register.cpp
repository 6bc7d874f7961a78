// register_handler() and unregister_handler().
#include "base/arguments.hpp"
#include "base/notice.hpp"
#include "handlers/command.hpp"
#include "handlers/handlers.hpp"
#include "handlers/waiting.hpp"
#include "hooks/changes.hpp"
#include "pg/books.hpp"
#include "pg/clock.hpp"
#include "pg/roles.hpp"

namespace ayb {

namespace {

// What is written into the table.
struct Registration {
    const char *type;
    const char *kind;
    const char *schema;
    const char *function;
    Oid function_owner;
    bool takes_payload;
    const char *command;
};

Statement s_owner{"SELECT owner, builtin FROM ayb_jobs.handlers WHERE type = $1 FOR UPDATE",
                  1,
                  {TEXTOID},
                  nullptr};
Statement s_register{
    "INSERT INTO ayb_jobs.handlers AS h (type, kind, owner, function_schema, function_name, "
    "function_owner, takes_payload,"
    " command, timeout, max_attempts, backoff, definer, grouped, created_at, updated_at)"
    " VALUES ($1, $2, $3, $4::name, $5::name, $15, $6, $7, $8, $9, $10, $11, $12, $13, $13)"
    " ON CONFLICT (type) DO UPDATE SET kind = excluded.kind, owner = excluded.owner,"
    " function_schema = excluded.function_schema, function_name = excluded.function_name,"
    " function_owner = excluded.function_owner,"
    " takes_payload = excluded.takes_payload, command = excluded.command, timeout = "
    "excluded.timeout,"
    " max_attempts = excluded.max_attempts, backoff = excluded.backoff, definer = excluded.definer,"
    " grouped = excluded.grouped, updated_at = excluded.updated_at"
    " WHERE h.owner = $14",
    15,
    {TEXTOID, TEXTOID, OIDOID, TEXTOID, TEXTOID, BOOLOID, TEXTOID, INTERVALOID, INT4OID,
     INTERVALARRAYOID, BOOLOID, BOOLOID, TIMESTAMPTZOID, OIDOID, OIDOID},
    nullptr};
// What is built in comes back when what took its place goes.
Statement s_builtin{
    "SELECT kind FROM ayb_jobs._install_builtins($1) AS kind", 1, {TEXTOID}, nullptr};
Statement s_unregister{"DELETE FROM ayb_jobs.handlers WHERE type = $1", 1, {TEXTOID}, nullptr};

// InvalidOid where no function has that signature. The direct call would raise for the NULL.
Oid find_signature(const char *signature) {
    LOCAL_FCINFO(call, 1);
    InitFunctionCallInfoData(*call, nullptr, 1, InvalidOid, nullptr, nullptr);
    call->args[0].value = CStringGetTextDatum(signature);
    call->args[0].isnull = false;
    const Datum function = to_regprocedure(call);
    return call->isnull ? InvalidOid : DatumGetObjectId(function);
}

// By name alone: the function that takes jsonb, or else the one that takes nothing.
Oid find_name(const char *handler) {
    List *name = parse_qualified_name(handler);
    Oid arguments[1] = {JSONBOID};
    const Oid function = LookupFuncName(name, 1, arguments, true);
    return OidIsValid(function) ? function : LookupFuncName(name, 0, arguments, true);
}

Oid parse_function(const char *handler) {
    const bool signature = strchr(handler, '(') != nullptr;
    const Oid function = signature ? find_signature(handler) : find_name(handler);
    if (!OidIsValid(function))
        ereport(ERROR, (errcode(ERRCODE_UNDEFINED_FUNCTION),
                        errmsg("function %s%s does not exist", handler, signature ? "" : "(jsonb)"),
                        errhint("A handler is a function that takes jsonb or nothing.")));
    return function;
}

void describe_function(const char *handler, Registration *registration) {
    const Oid function = parse_function(handler);
    HeapTuple tuple = SearchSysCache1(PROCOID, ObjectIdGetDatum(function));
    if (!HeapTupleIsValid(tuple))
        ereport(ERROR, (errcode(ERRCODE_UNDEFINED_FUNCTION),
                        errmsg("function \"%s\" does not exist", handler)));
    const auto *form = reinterpret_cast<Form_pg_proc>(GETSTRUCT(tuple));
    check_handler_shape(registration->type, form);
    const bool fits =
        form->pronargs == 0 || (form->pronargs == 1 && form->proargtypes.values[0] == JSONBOID);
    if (!fits)
        ereport(ERROR, (errcode(ERRCODE_INVALID_FUNCTION_DEFINITION),
                        errmsg("function %s can't be a handler", handler),
                        errdetail("It takes other arguments."),
                        errhint("A handler takes one jsonb, the payload, or nothing.")));
    const Oid result = form->prorettype;
    if (result == TRIGGEROID || result == EVENT_TRIGGEROID || result == INTERNALOID ||
        result == CSTRINGOID)
        ereport(ERROR, (errcode(ERRCODE_INVALID_FUNCTION_DEFINITION),
                        errmsg("function %s can't be a handler", handler),
                        errdetail("It returns %s.", format_type_be(result)),
                        errhint("A handler returns void, or a value that to_jsonb() takes.")));
    registration->schema = get_namespace_name(form->pronamespace);
    registration->function = pstrdup(NameStr(form->proname));
    registration->function_owner = form->proowner;
    registration->takes_payload = form->pronargs == 1;
    ReleaseSysCache(tuple);
}

Kind parse_kind(const char *kind) {
    if (strcmp(kind, "function") == 0)
        return Kind::function;
    if (strcmp(kind, "command") == 0)
        return Kind::command;
    if (strcmp(kind, "external") == 0)
        return Kind::external;
    ereport(ERROR,
            (errcode(ERRCODE_INVALID_PARAMETER_VALUE), errmsg("invalid handler kind \"%s\"", kind),
             errhint("It is function, command or external.")));
}

Registration make_registration(FunctionCallInfo fcinfo) {
    Registration registration{};
    registration.type = type_argument(fcinfo, 0);
    require_argument(fcinfo, 2, "kind");
    registration.kind = text_argument(fcinfo, 2);
    const Kind kind = parse_kind(registration.kind);
    const char *handler = text_argument(fcinfo, 1);
    if (handler == nullptr && kind != Kind::external)
        ereport(ERROR, (errcode(ERRCODE_NULL_VALUE_NOT_ALLOWED), errmsg("handler must not be null"),
                        errhint("Name a function, or pass kind => 'external'.")));
    if (handler != nullptr && kind == Kind::external)
        ereport(ERROR, (errcode(ERRCODE_INVALID_PARAMETER_VALUE),
                        errmsg("an external handler has no code in the database"),
                        errhint("Pass NULL as handler.")));
    if (kind == Kind::function)
        describe_function(handler, &registration);
    if (kind == Kind::command) {
        check_statement(handler);
        registration.command = handler;
    }
    return registration;
}

void check_backoff(FunctionCallInfo fcinfo, int number) {
    if (PG_ARGISNULL(number))
        return;
    ArrayType *steps = PG_GETARG_ARRAYTYPE_P(number);
    const int count = ArrayGetNItems(ARR_NDIM(steps), ARR_DIMS(steps));
    if (ARR_NDIM(steps) != 1 || count > kMaxBackoffSteps || array_contains_nulls(steps))
        ereport(ERROR, (errcode(ERRCODE_INVALID_PARAMETER_VALUE),
                        errmsg("backoff must be an array of 1 to %d intervals", kMaxBackoffSteps),
                        errhint("One a failed attempt; the last one counts for all that follow.")));
    ArrayIterator iterator = array_create_iterator(steps, 0, nullptr);
    Datum step;
    bool null;
    while (array_iterate(iterator, &step, &null))
        if (interval_milliseconds(DatumGetIntervalP(step)) < 0)
            ereport(ERROR,
                    (errcode(ERRCODE_INVALID_PARAMETER_VALUE),
                     errmsg("backoff must not be negative"), errhint("0 tries again at once.")));
}

void check_numbers(FunctionCallInfo fcinfo) {
    duration_argument(fcinfo, 3, "timeout", 0);
    max_attempts_argument(fcinfo, 4);
    check_backoff(fcinfo, 5);
    require_argument(fcinfo, 6, "definer");
    require_argument(fcinfo, 7, "grouped");
}

// The role in whose name the type is registered: the one that has it, where an admin or a member
// replaces it, else the caller. Inside the books.
Oid registrar(const char *type, Oid caller, bool admin) {
    if (run_statement(s_owner, Parameters().set_text(1, type)) == 0)
        return InvalidOid;
    const Oid owner = oid_column(0, 1);
    if (!admin && !has_privs_of_role(caller, owner))
        ereport(ERROR, (errcode(ERRCODE_INSUFFICIENT_PRIVILEGE),
                        errmsg("must be owner of the handler of type \"%s\"", type),
                        errdetail("It belongs to role %s.", quote_identifier(role_name(owner))),
                        errhint("Who registered the type may, and members of ayb_jobs_admin.")));
    return owner;
}

// After registrar(), whose row is looked at.
void refuse_builtin(const char *type) {
    bool null;
    if (DatumGetBool(column(0, 2, &null)))
        ereport(ERROR, (errcode(ERRCODE_OBJECT_NOT_IN_PREREQUISITE_STATE),
                        errmsg("type \"%s\" is built in", type),
                        errhint("ayb_jobs.pause(type) stops it.")));
}

Parameters parameters_of(FunctionCallInfo fcinfo, const Registration &registration, Oid owner) {
    Parameters parameters;
    parameters.set_text(1, registration.type)
        .set_text(2, registration.kind)
        .set(3, ObjectIdGetDatum(owner));
    if (registration.function != nullptr) {
        parameters.set_text(4, registration.schema).set_text(5, registration.function);
        parameters.set(6, BoolGetDatum(registration.takes_payload));
        parameters.set(15, ObjectIdGetDatum(registration.function_owner));
    }
    parameters.set_text(7, registration.command);
    for (int number = 3; number <= 7; number++)
        if (!PG_ARGISNULL(number))
            parameters.set(number + 5, PG_GETARG_DATUM(number));
    return parameters.set_time(13, clock_now());
}

} // namespace

} // namespace ayb

using namespace ayb;

// register_handler(type, handler, kind, timeout, max_attempts, backoff, definer, grouped) → void
AYB_SQL_FUNCTION(ayb_jobs_register_handler) {
    const Registration registration = make_registration(fcinfo);
    check_numbers(fcinfo);
    const Oid caller = GetUserId();
    const bool admin = is_admin(caller);

    const Books books = open_books();
    const Oid before = registrar(registration.type, caller, admin);
    Parameters parameters = parameters_of(fcinfo, registration, caller);
    parameters.set(14, ObjectIdGetDatum(OidIsValid(before) ? before : caller));
    if (run_statement(s_register, parameters) == 0)
        ereport(ERROR, (errcode(ERRCODE_INSUFFICIENT_PRIVILEGE),
                        errmsg("must be owner of the handler of type \"%s\"", registration.type),
                        errhint("Another role has just registered it.")));
    route_waiting_jobs(registration.type, registration.kind);
    close_books(books);
    notice_if_nothing_runs();
    PG_RETURN_VOID();
}

// unregister_handler(type) → void
AYB_SQL_FUNCTION(ayb_jobs_unregister_handler) {
    const char *type = type_argument(fcinfo, 0);
    const Oid caller = GetUserId();
    const bool admin = is_admin(caller);

    const Books books = open_books();
    if (!OidIsValid(registrar(type, caller, admin)))
        ereport(ERROR, (errcode(ERRCODE_UNDEFINED_OBJECT),
                        errmsg("no handler is registered for type \"%s\"", type),
                        errhint("See the table ayb_jobs.handlers.")));
    refuse_builtin(type);
    run_statement(s_unregister, Parameters().set_text(1, type));
    const bool builtin = run_statement(s_builtin, Parameters().set_text(1, type)) > 0;
    route_waiting_jobs(type, builtin ? text_column(0, 1) : nullptr);
    close_books(books);
    PG_RETURN_VOID();
}
