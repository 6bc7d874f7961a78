#include "handlers/handlers.hpp"

#include "memory/configuration.hpp"
#include "pg/clock.hpp"
#include "pg/extension.hpp"
#include "pg/settings.hpp"
#include "pg/sql.hpp"

namespace ayb {

namespace {

struct Pause {
    char type[kTypeBytes]; // the key
};

struct Rule {
    char type[kTypeBytes]; // the key
    LimitRule rule;
};

struct WorkerGrant {
    char type[kTypeBytes];
    Oid role;
    Oid for_role; // InvalidOid for all who trust the type's owner
    Oid granted_by;
};

MemoryContext g_context;
HTAB *g_handlers;
HTAB *g_pauses;
HTAB *g_rules;
WorkerGrant *g_grants;
uint64 g_grant_count;
bool g_valid;
uint64 g_generation; // of the configuration that was read
uint64 g_code_generation = 1;
uint64 g_invalidations; // tells whether the tables changed while they were being read

// Any relation may stand behind `relation`: a look at two oids would need the catalogs.
Oid g_handlers_oid;
Oid g_pauses_oid;
Oid g_rules_oid;
Oid g_grants_oid;

void on_invalidation(Datum /*argument*/, Oid relation) {
    if (relation == InvalidOid || relation == g_handlers_oid || relation == g_pauses_oid ||
        relation == g_rules_oid || relation == g_grants_oid) {
        g_valid = false;
        g_invalidations++;
    }
}

void on_code_invalidation(Datum /*argument*/, int /*cache*/, uint32 /*hash*/) {
    g_code_generation++;
}

HTAB *make_table(const char *name, Size entry) {
    HASHCTL control{};
    control.keysize = kTypeBytes;
    control.entrysize = entry;
    control.hcxt = g_context;
    return hash_create(name, 64, &control, HASH_ELEM | HASH_STRINGS | HASH_CONTEXT);
}

Sql<> g_read_handlers{R"sql(
    SELECT type, kind, owner::oid, function_schema, function_name, function_owner::oid,
        takes_payload, command, timeout, max_attempts, backoff, registration, builtin, grouped,
        priority
    FROM ayb_jobs.handlers
)sql"};
// By the index handlers_lane_key.
Sql<const char *> g_beside{R"sql(
    SELECT h.type FROM ayb_jobs.handlers AS h
    WHERE ayb_jobs_internal.lane(0::regrole, h.type, 0::smallint, NULL)
            = ayb_jobs_internal.lane(0::regrole, $1, 0::smallint, NULL) AND h.type <> $1
)sql"};
Sql<> g_read_pauses{"SELECT type FROM ayb_jobs.pauses"};
Sql<> g_read_rules{"SELECT type, running, starts, per FROM ayb_jobs.type_limits"};

Sql<> g_read_grants{R"sql(
    SELECT type, role::oid, for_role::oid, granted_by::oid FROM ayb_jobs.worker_grants
)sql"};

void read_backoff(Handler *handler, Datum backoff) {
    Datum *steps;
    bool *nulls;
    int count;
    deconstruct_array(DatumGetArrayTypeP(backoff), INTERVALOID, sizeof(Interval), false,
                      TYPALIGN_DOUBLE, &steps, &nulls, &count);
    for (int i = 0; i < count && handler->backoff_count < kMaxBackoffSteps; i++)
        if (!nulls[i])
            handler->backoff_ms[handler->backoff_count++] =
                interval_milliseconds(DatumGetIntervalP(steps[i]));
}

void read_handler(uint64 row) {
    Handler read{};
    Datum timeout = 0;
    Datum backoff = 0;
    read_row(row, &read.type, &read.kind, &read.owner, &read.schema, &read.name,
             &read.function_owner, &read.takes_payload, &read.command, &timeout, &read.max_attempts,
             &backoff, &read.registration, &read.builtin, &read.grouped, &read.priority);
    if (read.command != nullptr)
        read.command = MemoryContextStrdup(g_context, read.command);
    if (timeout != 0)
        read.timeout_ms = interval_milliseconds(DatumGetIntervalP(timeout));
    if (backoff != 0)
        read_backoff(&read, backoff);
    *static_cast<Handler *>(hash_search(g_handlers, read.type, HASH_ENTER, nullptr)) = read;
}

void read_handlers() {
    const uint64 rows = g_read_handlers.run();
    for (uint64 row = 0; row < rows; row++)
        read_handler(row);
}

void read_pauses() {
    const uint64 rows = g_read_pauses.run();
    for (uint64 row = 0; row < rows; row++) {
        char type[kTypeBytes] = {};
        read_row(row, &type);
        hash_search(g_pauses, type, HASH_ENTER, nullptr);
    }
}

void read_rules() {
    const uint64 rows = g_read_rules.run();
    for (uint64 row = 0; row < rows; row++) {
        Rule read{};
        Datum per = 0;
        read_row(row, &read.type, &read.rule.running, &read.rule.starts, &per);
        if (per != 0)
            read.rule.per =
                interval_milliseconds(DatumGetIntervalP(per)) * kMicrosecondsPerMillisecond;
        *static_cast<Rule *>(hash_search(g_rules, read.type, HASH_ENTER, nullptr)) = read;
    }
}

void read_grants() {
    g_grant_count = g_read_grants.run();
    g_grants = static_cast<WorkerGrant *>(
        MemoryContextAllocZero(g_context, (g_grant_count + 1) * sizeof(WorkerGrant)));
    for (uint64 row = 0; row < g_grant_count; row++) {
        WorkerGrant &grant = g_grants[row];
        read_row(row, &grant.type, &grant.role, &grant.for_role, &grant.granted_by);
    }
}

void read_tables() {
    if (g_context == nullptr)
        g_context =
            AllocSetContextCreate(TopMemoryContext, "ayb_jobs handlers", ALLOCSET_SMALL_SIZES);
    MemoryContextReset(g_context);
    in_books([] {
        g_handlers_oid = extension_table("handlers");
        g_pauses_oid = extension_table("pauses");
        g_rules_oid = extension_table("type_limits");
        g_grants_oid = extension_table("worker_grants");
        g_handlers = make_table("ayb_jobs handlers", sizeof(Handler));
        g_pauses = make_table("ayb_jobs pauses", sizeof(Pause));
        g_rules = make_table("ayb_jobs limits", sizeof(Rule));
        read_handlers();
        read_pauses();
        read_rules();
        read_grants();
    });
}

// What was read with a snapshot from before a change, or that others can't see yet, must not be
// kept. A session that a commit woke may be here before that commit's invalidation: the generation
// tells. It is read before the snapshots of read_tables(), so what it counts they show.
void load() {
    AcceptInvalidationMessages();
    const uint64 generation = configuration_generation();
    if (g_valid && g_generation == generation)
        return;
    g_generation = generation;
    const uint64 before = g_invalidations;
    read_tables();
    g_valid = before == g_invalidations && !IsolationUsesXactSnapshot();
}

} // namespace

const Handler *find_handler(const char *type) {
    load();
    return static_cast<const Handler *>(hash_search(g_handlers, type, HASH_FIND, nullptr));
}

bool registered_beside(const char *type, char (*other)[kTypeBytes]) {
    const bool found = g_beside.run(type) > 0;
    if (found)
        read_row(0, other);
    return found;
}

int64 time_limit(const Handler &handler) {
    const int64 own = handler.timeout_ms > 0 ? handler.timeout_ms : settings::job_timeout;
    const int64 most = settings::max_job_timeout;
    return most > 0 && (own == 0 || own > most) ? most : own;
}

const LimitRule *find_rule(const char *type) {
    load();
    const auto *found = static_cast<const Rule *>(hash_search(g_rules, type, HASH_FIND, nullptr));
    return found != nullptr ? &found->rule : nullptr;
}

void each_rule(void (*visit)(const char *type, const LimitRule &rule, void *context),
               void *context) {
    load();
    HASH_SEQ_STATUS scan;
    hash_seq_init(&scan, g_rules);
    while (const auto *found = static_cast<const Rule *>(hash_seq_search(&scan)))
        visit(found->type, found->rule, context);
}

bool may_work(const char *type, Oid run_as) {
    const Handler *handler = find_handler(type);
    if (handler == nullptr)
        return false;
    for (uint64 i = 0; i < g_grant_count; i++) {
        const WorkerGrant &grant = g_grants[i];
        const bool covers = OidIsValid(grant.for_role) ? grant.for_role == run_as
                                                       : grant.granted_by == handler->owner;
        if (covers && strcmp(grant.type, type) == 0 && has_privs_of_role(GetUserId(), grant.role))
            return true;
    }
    return false;
}

bool is_paused(const char *type) {
    load();
    return hash_search(g_pauses, type, HASH_FIND, nullptr) != nullptr;
}

bool all_paused() { return is_paused(""); }

uint64 handlers_generation() {
    load();
    return g_valid ? g_generation : 0;
}

void each_handler(void (*visit)(const Handler &handler, void *context), void *context) {
    load();
    HASH_SEQ_STATUS scan;
    hash_seq_init(&scan, g_handlers);
    while (auto *handler = static_cast<Handler *>(hash_seq_search(&scan)))
        visit(*handler, context);
}

uint64 code_generation() { return g_code_generation; }

void install_handler_callbacks() {
    CacheRegisterRelcacheCallback(on_invalidation, 0);
    constexpr int kCaches[] = {PROCOID, NAMESPACEOID, AUTHOID, AUTHMEMROLEMEM};
    for (const int cache : kCaches)
        CacheRegisterSyscacheCallback(cache, on_code_invalidation, 0);
}

} // namespace ayb

using namespace ayb;

// time_limit(type) → interval; NULL for none
AYB_SQL_FUNCTION(ayb_jobs_time_limit) {
    static constexpr Handler kNone{};
    const Handler *handler = find_handler(text_to_cstring(PG_GETARG_TEXT_PP(0)));
    const int64 limit = time_limit(handler == nullptr ? kNone : *handler);
    if (limit == 0)
        PG_RETURN_NULL();
    auto *interval = static_cast<Interval *>(palloc0(sizeof(Interval)));
    interval->time = limit * kMicrosecondsPerMillisecond;
    PG_RETURN_INTERVAL_P(interval);
}
