// register_handler() and unregister_handler().
#include "base/arguments.hpp"
#include "base/notice.hpp"
#include "base/rights.hpp"
#include "base/rows.hpp"
#include "handlers/command.hpp"
#include "handlers/handlers.hpp"
#include "handlers/options.hpp"
#include "handlers/owner.hpp"
#include "hooks/changes.hpp"
#include "pg/clock.hpp"
#include "pg/sql.hpp"

namespace ayb {

namespace {

constexpr int kMaxCommandBytes = 65536;

// What is written into the table.
struct Registration {
    const char *type;
    Kind kind;
    const char *schema;
    const char *function;
    Oid function_owner;
    bool takes_payload;
    bool everybodys; // PUBLIC may execute the function
    const char *command;
    bool definer;
    const char *dead_letter;
    bool keep;
    HandlerOptions options;
};

// What a definer's jobs are bound to stands for the function: whoever registers the same one again,
// after a restore or under another timeout, carries on what is queued.
using Register =
    Sql<const char *, Kind, Oid, const char *, const char *, std::optional<bool>, const char *,
        std::optional<Span>, std::optional<int>, std::optional<SpanArray>, bool, bool, At, Oid,
        std::optional<Oid>, int, bool, const char *, bool>;
Register g_register{R"sql(
    INSERT INTO ayb_jobs.handlers AS h (type, kind, owner, function_schema, function_name,
        function_owner, takes_payload, command, timeout, max_attempts, backoff, definer, grouped,
        created_at, updated_at, priority, registration, enqueuer_sees, dead_letter, keep)
    VALUES ($1, $2, $3, $4::name, $5::name, $15, $6, $7, $8, $9, $10, $11, $12, $13, $13, $16,
        CASE WHEN $11 THEN encode(substr(sha256(convert_to(
            jsonb_build_array($4, $5, $6)::text, 'UTF8')), 1, 16), 'hex')::uuid END, $17, $18, $19)
    ON CONFLICT (type) DO UPDATE
    SET kind = excluded.kind, owner = excluded.owner, function_schema = excluded.function_schema,
        function_name = excluded.function_name, function_owner = excluded.function_owner,
        takes_payload = excluded.takes_payload, command = excluded.command,
        timeout = excluded.timeout, max_attempts = excluded.max_attempts,
        backoff = excluded.backoff, definer = excluded.definer, grouped = excluded.grouped,
        priority = excluded.priority, registration = excluded.registration,
        updated_at = excluded.updated_at, enqueuer_sees = excluded.enqueuer_sees,
        dead_letter = excluded.dead_letter, keep = excluded.keep
    WHERE h.owner = $14
    RETURNING h
)sql"};
// What is built in comes back when what took its place goes.
Sql<const char *> g_builtin{"SELECT kind FROM ayb_jobs_internal.install_builtins($1) AS kind"};
Sql<const char *> g_unregister{"DELETE FROM ayb_jobs.handlers WHERE type = $1"};

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
    registration->everybodys = may_execute(function, ACL_ID_PUBLIC);
    ReleaseSysCache(tuple);
}

Kind kind_argument(FunctionCallInfo fcinfo, int number) {
    require_argument(fcinfo, number, "kind");
    Kind kind;
    const char *word = text_argument(fcinfo, number);
    if (!core::find_word(word, &kind))
        ereport(ERROR, (errcode(ERRCODE_INVALID_PARAMETER_VALUE),
                        errmsg("invalid handler kind \"%s\"", word),
                        err_generic_string(PG_DIAG_COLUMN_NAME, "kind"),
                        errhint("It is function, command or external.")));
    return kind;
}

// Of anything else nobody could say who may have it run as its owner.
void refuse_definer(const char *kind) {
    ereport(ERROR, (errcode(ERRCODE_INVALID_PARAMETER_VALUE),
                    errmsg("a handler of kind %s can't be a definer's", kind),
                    err_generic_string(PG_DIAG_COLUMN_NAME, "definer"),
                    errhint("Register a function: who may execute it may enqueue its jobs.")));
}

void notice_if_everybodys(const Registration &registration) {
    if (registration.everybodys)
        ereport(
            NOTICE,
            (errmsg("everybody may have jobs of type \"%s\" run as their owner", registration.type),
             errhint("REVOKE EXECUTE ON FUNCTION %s.%s(%s) FROM PUBLIC; then grant it to who is "
                     "to enqueue them.",
                     quote_identifier(registration.schema), quote_identifier(registration.function),
                     registration.takes_payload ? "jsonb" : "")));
}

// Whose function it is may replace it at any time: superusers' jobs don't run it, and a superuser
// should know whom the owner of the type trusts by it.
void notice_if_anothers(const Registration &registration, Oid owner) {
    const Oid whose = registration.function_owner;
    if (registration.kind != Kind::function || whose == owner || superuser_arg(whose))
        return;
    const char *name = role_name(whose);
    ereport(NOTICE,
            (errmsg("function \"%s\" belongs to role \"%s\", which may change what jobs of type "
                    "\"%s\" run",
                    registration.function, name, registration.type),
             superuser_arg(owner)
                 ? errhint("No superuser's job runs it; owner => %s has it run for that role.",
                           quote_literal_cstr(name))
                 : errhint("ALTER FUNCTION %s.%s(%s) OWNER TO %s;",
                           quote_identifier(registration.schema),
                           quote_identifier(registration.function),
                           registration.takes_payload ? "jsonb" : "",
                           quote_identifier(role_name(owner)))));
}

// Each session that uses it keeps it.
void check_length(const char *command) {
    if (strlen(command) > kMaxCommandBytes)
        ereport(ERROR, (errcode(ERRCODE_PROGRAM_LIMIT_EXCEEDED),
                        errmsg("a command must be at most %d bytes long", kMaxCommandBytes),
                        errdetail("It has %zu.", strlen(command)),
                        err_generic_string(PG_DIAG_COLUMN_NAME, "handler"),
                        errhint("Put it into a procedure, and register CALL of that.")));
}

// What comes with the extension has no use for what a letter says.
const char *dead_letter_argument(FunctionCallInfo fcinfo, int number, const char *type) {
    if (PG_ARGISNULL(number))
        return nullptr;
    const char *letter = type_argument(fcinfo, number, "dead_letter");
    const Handler *handler = find_handler(letter);
    if (strcmp(letter, type) == 0)
        refuse_argument("dead_letter", "a type can't be its own dead letter",
                        "Name another type, whose jobs tell of this one's.");
    if (handler != nullptr && handler->builtin)
        refuse_argument("dead_letter", psprintf("type \"%s\" can't be a dead letter", letter),
                        "It comes with the extension: name a type of your own.");
    if (handler == nullptr)
        ereport(NOTICE,
                (errmsg("no handler is registered for type \"%s\" yet", letter),
                 errhint("Dead letters wait until ayb_jobs.register_handler() names one.")));
    return letter;
}

Registration make_registration(FunctionCallInfo fcinfo) {
    Registration registration{};
    registration.type = type_argument(fcinfo, 0);
    registration.kind = kind_argument(fcinfo, 2);
    registration.definer = !PG_ARGISNULL(6) && PG_GETARG_BOOL(6);
    require_argument(fcinfo, 11, "keep");
    registration.dead_letter = dead_letter_argument(fcinfo, 10, registration.type);
    registration.keep = PG_GETARG_BOOL(11);
    registration.options = handler_options(fcinfo, 12, registration.definer);
    const Kind kind = registration.kind;
    const char *handler = text_argument(fcinfo, 1);
    if (handler == nullptr && kind != Kind::external)
        ereport(ERROR, (errcode(ERRCODE_NULL_VALUE_NOT_ALLOWED), errmsg("handler must not be null"),
                        err_generic_string(PG_DIAG_COLUMN_NAME, "handler"),
                        errhint("Name a function, or pass kind => 'external'.")));
    if (handler != nullptr && kind == Kind::external)
        ereport(ERROR, (errcode(ERRCODE_INVALID_PARAMETER_VALUE),
                        errmsg("an external handler has no code in the database"),
                        err_generic_string(PG_DIAG_COLUMN_NAME, "handler"),
                        errhint("Pass NULL as handler.")));
    if (kind != Kind::function && registration.definer)
        refuse_definer(core::word_of(kind));
    if (kind == Kind::function)
        describe_function(handler, &registration);
    if (kind == Kind::command) {
        check_length(handler);
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
                        err_generic_string(PG_DIAG_COLUMN_NAME, "backoff"),
                        errhint("One a failed attempt; the last one counts for all that follow.")));
    ArrayIterator iterator = array_create_iterator(steps, 0, nullptr);
    Datum step;
    bool null;
    while (array_iterate(iterator, &step, &null)) {
        const int64 wait_ms = interval_milliseconds(DatumGetIntervalP(step));
        if (wait_ms < 0)
            ereport(ERROR, (errcode(ERRCODE_INVALID_PARAMETER_VALUE),
                            errmsg("backoff must not be negative"),
                            err_generic_string(PG_DIAG_COLUMN_NAME, "backoff"),
                            errhint("0 tries again at once.")));
        check_run_at(later(clock_now(), wait_ms * kMicrosecondsPerMillisecond), "backoff");
    }
}

void check_numbers(FunctionCallInfo fcinfo) {
    duration_argument(fcinfo, 3, "timeout", 0);
    max_attempts_argument(fcinfo, 4);
    check_backoff(fcinfo, 5);
    require_argument(fcinfo, 6, "definer");
    require_argument(fcinfo, 7, "grouped");
    priority_argument(fcinfo, 9);
}

// An admin who may not act for the owner may still let its jobs run what it trusts anyway.
bool may_register_for(const Registration &wanted, Oid owner, Oid caller, bool admin) {
    if (may_own_for(caller, owner))
        return true;
    const Oid code = wanted.function_owner;
    return admin && !superuser_arg(owner) && wanted.kind == Kind::function && !wanted.definer &&
           (code == owner || superuser_arg(code));
}

// To whom the type belongs: to whom the caller says; else, if the caller might have said so, to who
// has it; else to the caller.
Oid new_owner(const Registration &wanted, Oid asked, const TypeOwner &before, Oid caller,
              bool admin) {
    if (OidIsValid(asked)) {
        if (!may_register_for(wanted, asked, caller, admin))
            refuse_owner(caller, asked);
        return asked;
    }
    const bool kept = OidIsValid(before.role) && !before.builtin && role_exists(before.role) &&
                      may_register_for(wanted, before.role, caller, admin);
    return kept ? before.role : caller;
}

// Both would stand in the same lanes. Inside the books.
void refuse_twin(const char *type) {
    char other[kTypeBytes];
    if (!registered_beside(type, &other))
        return;
    ereport(ERROR, (errcode(ERRCODE_UNIQUE_VIOLATION),
                    errmsg("type \"%s\" has the same hash as type \"%s\"", type, other),
                    errhint("Choose another name, if only by a letter.")));
}

// In place of what `before` has registered. Gives back the row. Inside the books.
Datum write_registration(FunctionCallInfo fcinfo, const Registration &wanted, Oid owner,
                         Oid before) {
    const bool function = wanted.function != nullptr;
    refuse_twin(wanted.type);
    const uint64 rows = g_register.run(
        wanted.type, wanted.kind, owner, wanted.schema, wanted.function,
        function ? std::make_optional(wanted.takes_payload) : std::nullopt, wanted.command,
        optional_argument<Span>(fcinfo, 3), optional_argument<int>(fcinfo, 4),
        optional_argument<SpanArray>(fcinfo, 5), wanted.definer, PG_GETARG_BOOL(7), At{clock_now()},
        OidIsValid(before) ? before : owner,
        function ? std::make_optional(wanted.function_owner) : std::nullopt,
        priority_argument(fcinfo, 9).value_or(0), wanted.options.enqueuer_sees, wanted.dead_letter,
        wanted.keep);
    if (rows == 0)
        ereport(ERROR, (errcode(ERRCODE_INSUFFICIENT_PRIVILEGE),
                        errmsg("must be owner of the handler of type \"%s\"", wanted.type),
                        errhint("Another role has just registered it.")));
    Datum row = 0;
    read_row(0, &row);
    return row;
}

// Inside the books.
void remove_registration(const char *type, Oid caller, bool admin) {
    const TypeOwner found = lock_type(type, caller, admin);
    if (!OidIsValid(found.role))
        refuse_unknown(type);
    if (found.builtin)
        refuse_builtin(type);
    g_unregister.run(type);
    g_builtin.run(type);
}

} // namespace

} // namespace ayb

using namespace ayb;

// register_handler(type, handler, kind, timeout, max_attempts, backoff, definer, grouped, owner,
// priority, dead_letter, keep, options) → handlers
AYB_SQL_FUNCTION(ayb_jobs_register_handler) {
    const Registration registration = make_registration(fcinfo);
    check_numbers(fcinfo);
    const Oid asked = role_argument(fcinfo, 8, "owner");
    const Oid caller = GetUserId();
    const bool admin = is_admin(caller);
    MemoryContext context = CurrentMemoryContext;

    Oid owner = InvalidOid;
    const Datum row = in_bounded_books([&] {
        const TypeOwner before = lock_type(registration.type, caller, admin);
        owner = new_owner(registration, asked, before, caller, admin);
        if (!admin && !OidIsValid(before.role))
            check_new_type(registration.type, caller, owner);
        if (!admin && before.role != owner)
            check_room(owner);
        return copy_row(write_registration(fcinfo, registration, owner, before.role), context);
    });
    notice_if_nothing_runs();
    if (registration.definer)
        notice_if_everybodys(registration);
    if (superuser_arg(caller))
        notice_if_anothers(registration, owner);
    PG_RETURN_DATUM(row);
}

// unregister_handler(type) → void
AYB_SQL_FUNCTION(ayb_jobs_unregister_handler) {
    const char *type = type_argument(fcinfo, 0);
    const Oid caller = GetUserId();
    const bool admin = is_admin(caller);

    in_bounded_books([&] { remove_registration(type, caller, admin); });
    PG_RETURN_VOID();
}
