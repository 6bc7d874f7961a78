#include "realtime/subscriber.hpp"

#include "base/arguments.hpp"
#include "pg/books.hpp"
#include "timers/statement_timer.hpp"

extern "C" {
#include "catalog/pg_auth_members.h"
#include "common/hashfn.h"
#include "utils/catcache.h"
}

namespace ayb {

namespace {

constexpr int kBudgetMs = 1000;
constexpr const char *kClaimHint =
    "It takes at most 16 strings by names with a dot, such as {\"request.user\": \"7\"}.";

[[noreturn]] void refuse_role(const char *fact, const char *hint) {
    ereport(ERROR, (errcode(ERRCODE_INSUFFICIENT_PRIVILEGE), errmsg("%s", fact),
                    err_generic_string(PG_DIAG_COLUMN_NAME, "as_role"), errhint("%s", hint)));
    pg_unreachable();
}

void check_role(Oid role) {
    const char *name = GetUserNameFromId(role, false);
    if (superuser_arg(role) || has_bypassrls_privilege(role))
        refuse_role(psprintf("role \"%s\" sees all rows, whatever the policies say", name),
                    "Listen as a role that is no superuser and has no BYPASSRLS.");
    if (!may_become(GetSessionUserId(), role))
        refuse_role(psprintf("this session may not act as role \"%s\"", name),
                    psprintf("GRANT %s TO %s;", quote_identifier(name),
                             quote_identifier(GetUserNameFromId(GetSessionUserId(), false))));
}

// A setting that somebody has defined means something to whoever defined it.
bool is_defined(const char *name) {
    return GetConfigOption(name, true, false) != nullptr &&
           (GetConfigOptionFlags(name, true) & GUC_CUSTOM_PLACEHOLDER) == 0;
}

bool can_be_set(const Claim &claim) {
    return set_config_option(claim.name, claim.value, PGC_USERSET, PGC_S_SESSION, GUC_ACTION_SAVE,
                             true, DEBUG5, false) > 0;
}

void check_claims(const Subscriber &subscriber) {
    const int level = NewGUCNestLevel();
    for (int i = 0; i < subscriber.claim_count; i++) {
        const Claim &claim = subscriber.claims[i];
        if (strchr(claim.name, '.') == nullptr || is_defined(claim.name) || !can_be_set(claim))
            refuse_argument("settings", psprintf("\"%s\" is no setting of a claim", claim.name),
                            kClaimHint);
    }
    AtEOXact_GUC(false, level);
}

void add_claim(Subscriber *subscriber, const char *name, const JsonbValue &value) {
    if (value.type != jbvString || subscriber->claim_count == kMostClaims)
        refuse_argument("settings", "settings must be strings, and not too many", kClaimHint);
    const char *text = pnstrdup(value.val.string.val, value.val.string.len);
    subscriber->claims[subscriber->claim_count++] = {name, text};
}

void read_claims(Subscriber *subscriber) {
    if (!JB_ROOT_IS_OBJECT(subscriber->settings))
        refuse_argument("settings", "settings must be an object", kClaimHint);
    JsonbIterator *at = JsonbIteratorInit(&subscriber->settings->root);
    JsonbValue value;
    JsonbIteratorToken token;
    const char *name = nullptr;
    while ((token = JsonbIteratorNext(&at, &value, true)) != WJB_DONE) {
        if (token == WJB_KEY)
            name = pnstrdup(value.val.string.val, value.val.string.len);
        else if (token == WJB_VALUE)
            add_claim(subscriber, name, value);
    }
    check_claims(*subscriber);
}

template <typename T> uint64 hash_of(const T &value) {
    return DatumGetUInt64(
        hash_any_extended(reinterpret_cast<const unsigned char *>(&value), sizeof(value), 0));
}

struct Membership {
    TransactionId granted;
    Oid role;
    Oid member;
    uint32 inherits;
};

bool inherits(Oid role) {
    HeapTuple tuple = SearchSysCache1(AUTHOID, ObjectIdGetDatum(role));
    if (!HeapTupleIsValid(tuple))
        return false;
    const bool inherit = reinterpret_cast<Form_pg_authid>(GETSTRUCT(tuple))->rolinherit;
    ReleaseSysCache(tuple);
    return inherit;
}

// What is looked up is looked up with these, whatever the session has.
struct Setting {
    const char *name;
    const char *value;
};
constexpr Setting kSettings[] = {
    {"search_path", "pg_catalog, pg_temp"},    {"row_security", "on"},    {"lock_timeout", "100ms"},
    {"plan_cache_mode", "force_generic_plan"}, {"enable_seqscan", "off"}, {"jit", "off"},
};

// As SET LOCAL, for the subtransaction: a policy may have set the same one in it, which nothing
// else may follow.
void set_if_other(const char *name, const char *value, GucContext context) {
    const char *now = GetConfigOption(name, true, false);
    if (now == nullptr || strcmp(now, value) != 0)
        set_config_option(name, value, context, PGC_S_SESSION, GUC_ACTION_LOCAL, true, 0, false);
}

// As the role, with the claims, for whatever a policy calls.
void become(const Subscriber &subscriber) {
    Oid user;
    int context;
    GetUserIdAndSecContext(&user, &context);
    // Not by its setting, which no function may set for itself alone from 16 on. It ends with the
    // subtransaction.
    XactReadOnly = true;
    restore_settings(subscriber);
    SetUserIdAndSecContext(subscriber.role,
                           context | SECURITY_LOCAL_USERID_CHANGE | SECURITY_RESTRICTED_OPERATION);
}

// Not about what was looked at, but about this session.
bool goes_on(const ErrorData &error) {
    return error.sqlerrcode == ERRCODE_QUERY_CANCELED ||
           error.sqlerrcode == ERRCODE_ADMIN_SHUTDOWN || error.sqlerrcode == ERRCODE_OUT_OF_MEMORY;
}

TimeoutId g_end;

void end_session() {
    ProcDiePending = true;
    InterruptPending = true;
    SetLatch(MyLatch);
}

} // namespace

Subscriber subscriber_arguments(FunctionCallInfo fcinfo, int role, int settings) {
    Subscriber subscriber{};
    subscriber.role = required_role_argument(fcinfo, role, "as_role");
    check_role(subscriber.role);
    if (!PG_ARGISNULL(settings)) {
        subscriber.settings = PG_GETARG_JSONB_P(settings);
        read_claims(&subscriber);
    }
    return subscriber;
}

void restore_settings(const Subscriber &subscriber) {
    for (const Setting &setting : kSettings)
        set_if_other(setting.name, setting.value, PGC_SUSET);
    for (int i = 0; i < subscriber.claim_count; i++)
        set_if_other(subscriber.claims[i].name, subscriber.claims[i].value, PGC_USERSET);
}

uint64 rights_of(Oid role) {
    List *roles = list_make1_oid(role);
    uint64 rights = 0;
    for (int i = 0; i < list_length(roles); i++) {
        const Oid member = list_nth_oid(roles, i);
        const uint32 inherit = inherits(member) ? 1 : 0;
        CatCList *memberships = SearchSysCacheList1(AUTHMEMMEMROLE, ObjectIdGetDatum(member));
        for (int k = 0; k < memberships->n_members; k++) {
            HeapTuple tuple = &memberships->members[k]->tuple;
            const Oid of = reinterpret_cast<Form_pg_auth_members>(GETSTRUCT(tuple))->roleid;
            rights ^=
                hash_of(Membership{HeapTupleHeaderGetRawXmin(tuple->t_data), of, member, inherit});
            roles = list_append_unique_oid(roles, of);
        }
        ReleaseSysCacheList(memberships);
    }
    list_free(roles);
    return rights;
}

ErrorData *as_subscriber(const Subscriber &subscriber, void (*work)(void *context), void *context) {
    MemoryContext memory = CurrentMemoryContext;
    ResourceOwner owner = CurrentResourceOwner;
    ErrorData *volatile error = nullptr;
    BeginInternalSubTransaction(nullptr);
    MemoryContextSwitchTo(memory);
    PG_TRY();
    {
        become(subscriber);
        connect_spi();
        work(context);
    }
    PG_CATCH();
    {
        MemoryContextSwitchTo(memory);
        error = CopyErrorData();
        FlushErrorState();
    }
    PG_END_TRY();
    RollbackAndReleaseCurrentSubTransaction();
    MemoryContextSwitchTo(memory);
    CurrentResourceOwner = owner;
    LockReleaseSession(USER_LOCKMETHOD);
    if (error != nullptr && goes_on(*error))
        ReThrowError(error);
    return error;
}

void start_budget() {
    static bool registered;
    if (!registered)
        g_end = RegisterTimeout(USER_TIMEOUT, end_session);
    registered = true;
    start_statement_timer(kBudgetMs);
    enable_timeout_after(g_end, 2 * kBudgetMs);
}

void stop_budget() {
    stop_statement_timer();
    disable_timeout(g_end, false);
}

} // namespace ayb
