#include "handlers/handlers.hpp"

#include "memory/configuration.hpp"
#include "pg/arrays.hpp"
#include "pg/clock.hpp"
#include "pg/extension.hpp"
#include "pg/settings.hpp"
#include "pg/sql.hpp"

namespace ayb {

namespace {

struct Pause {             // or any type of which no more is known than that it is there
    char type[kTypeBytes]; // the key
};

struct Rule {
    char type[kTypeBytes]; // the key
    LimitRule rule;
};

struct WorkerGrant {
    Oid role;
    Oid for_role; // InvalidOid for all who trust the type's owner
    Oid granted_by;
    WorkerGrant *next;
};

struct Granted {
    char type[kTypeBytes]; // the key
    WorkerGrant *first;
};

constexpr long kMostKept = 1024; // handlers, and types found to have none
constexpr long kMany = 256;      // asked for at once: then it is cheaper to read all

// A type as it was found.
struct Entry {
    Handler handler; // must be first: its type is the key
    bool registered;
};

// What this process knows of one table, or of as much of it as was asked for.
struct Cache {
    const char *table;
    Size entry;
    MemoryContext context = nullptr;
    HTAB *entries = nullptr;
    Oid oid = InvalidOid;
    bool valid = false;
    bool whole = false;       // all rows are there
    uint64 generation = 0;    // of the configuration that was read
    uint64 invalidations = 0; // tells whether the table changed while it was being read
};

Cache g_handlers{"handlers", sizeof(Entry)};
Cache g_pauses{"pauses", sizeof(Pause)};
Cache g_unkept{"handlers", sizeof(Pause)}; // whose completed jobs aren't kept
Cache g_rules{"type_limits", sizeof(Rule)};
Cache g_grants{"worker_grants", sizeof(Granted)};
uint64 g_code_generation = 1;

// Any relation may stand behind `relation`: a look at two oids would need the catalogs.
void on_invalidation(Datum /*argument*/, Oid relation) {
    for (Cache *cache : {&g_handlers, &g_pauses, &g_unkept, &g_rules, &g_grants})
        if (relation == InvalidOid || relation == cache->oid) {
            cache->valid = false;
            cache->invalidations++;
        }
}

void on_code_invalidation(Datum /*argument*/, int /*cache*/, uint32 /*hash*/) {
    g_code_generation++;
}

// Forgets what it knows; of what raises on the way nothing is taken for known. Inside the books.
void clear(Cache *cache) {
    cache->valid = false;
    cache->entries = nullptr;
    if (cache->context == nullptr)
        cache->context =
            AllocSetContextCreate(TopMemoryContext, "ayb_jobs configuration", ALLOCSET_SMALL_SIZES);
    MemoryContextReset(cache->context);
    HASHCTL control{};
    control.keysize = kTypeBytes;
    control.entrysize = cache->entry;
    control.hcxt = cache->context;
    cache->entries =
        hash_create("ayb_jobs types", 16, &control, HASH_ELEM | HASH_STRINGS | HASH_CONTEXT);
    cache->oid = extension_table(cache->table);
    cache->whole = false;
}

// Whether what it knows is what the table says now.
//
// What was read with a snapshot from before a change, or that others can't see yet, must not be
// kept. A session that a commit woke may be here before that commit's invalidation: the generation
// tells.
bool is_current(const Cache &cache) {
    AcceptInvalidationMessages();
    return cache.valid && cache.generation == configuration_generation();
}

// Reads by `read`, inside the books, into the cache; what was there is forgotten unless it is
// current. The generation is read before any snapshot: so what it counts they show.
template <typename Read> void fill(Cache *cache, bool keep, const Read &read) {
    const uint64 generation = keep ? cache->generation : configuration_generation();
    const uint64 before = cache->invalidations;
    in_books([&] {
        if (!keep)
            clear(cache);
        read();
    });
    cache->generation = generation;
    cache->valid = before == cache->invalidations && !IsolationUsesXactSnapshot();
}

template <typename Row> Row *enter(Cache *cache, const char *type) {
    return static_cast<Row *>(hash_search(cache->entries, type, HASH_ENTER, nullptr));
}

template <typename Row> const Row *look_up(const Cache &cache, const char *type) {
    return static_cast<const Row *>(hash_search(cache.entries, type, HASH_FIND, nullptr));
}

#define AYB_READ_HANDLERS                                                                          \
    "SELECT type, kind, owner::oid, function_schema, function_name, function_owner::oid,"          \
    " takes_payload, command, timeout, max_attempts, backoff, registration, builtin, grouped,"     \
    " priority, dead_letter IS NOT NULL FROM ayb_jobs.handlers"
Sql<> g_read_handlers{AYB_READ_HANDLERS};
Sql<const char *> g_read_handler{AYB_READ_HANDLERS " WHERE type = $1"};
// By the index handlers_lane_key.
Sql<const char *> g_beside{R"sql(
    SELECT h.type FROM ayb_jobs.handlers AS h
    WHERE ayb_jobs_internal.lane(0::regrole, h.type, 0::smallint, NULL)
            = ayb_jobs_internal.lane(0::regrole, $1, 0::smallint, NULL) AND h.type <> $1
)sql"};
Sql<> g_read_pauses{"SELECT type FROM ayb_jobs.pauses"};
Sql<> g_read_unkept{"SELECT type FROM ayb_jobs.handlers WHERE NOT keep"};
Sql<> g_read_rules{R"sql(
    SELECT type, running, CASE WHEN ordered THEN 1 ELSE running_per_key END, starts, starts_per_key,
        per, ordered
    FROM ayb_jobs.type_limits
)sql"};
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

// A row of what was read; what it points to is palloc'd in `context`.
Handler read_handler(uint64 row, MemoryContext context) {
    Handler read{};
    Datum timeout = 0;
    Datum backoff = 0;
    read_row(row, &read.type, &read.kind, &read.owner, &read.schema, &read.name,
             &read.function_owner, &read.takes_payload, &read.command, &timeout, &read.max_attempts,
             &backoff, &read.registration, &read.builtin, &read.grouped, &read.priority,
             &read.dead_letter);
    if (read.command != nullptr)
        read.command = MemoryContextStrdup(context, read.command);
    if (timeout != 0)
        read.timeout_ms = interval_milliseconds(DatumGetIntervalP(timeout));
    if (backoff != 0)
        read_backoff(&read, backoff);
    return read;
}

void read_type(const char *type) {
    const bool registered = g_read_handler.run(type) > 0;
    Handler read{};
    strlcpy(read.type, type, kTypeBytes);
    if (registered)
        read = read_handler(0, g_handlers.context);
    *enter<Entry>(&g_handlers, type) = {read, registered};
}

void read_all_types() {
    const uint64 rows = g_read_handlers.run();
    for (uint64 row = 0; row < rows; row++) {
        const Handler read = read_handler(row, g_handlers.context);
        *enter<Entry>(&g_handlers, read.type) = {read, true};
    }
    g_handlers.whole = true;
}

// The types of the last result.
void enter_types(Cache *cache, uint64 rows) {
    for (uint64 row = 0; row < rows; row++) {
        char type[kTypeBytes] = {};
        read_row(row, &type);
        enter<Pause>(cache, type);
    }
}

void read_pauses() { enter_types(&g_pauses, g_read_pauses.run()); }
void read_unkept() { enter_types(&g_unkept, g_read_unkept.run()); }

void read_rules() {
    const uint64 rows = g_read_rules.run();
    for (uint64 row = 0; row < rows; row++) {
        Rule read{};
        Datum per = 0;
        read_row(row, &read.type, &read.rule.running, &read.rule.running_per_key, &read.rule.starts,
                 &read.rule.starts_per_key, &per, &read.rule.ordered);
        if (per != 0)
            read.rule.per =
                interval_milliseconds(DatumGetIntervalP(per)) * kMicrosecondsPerMillisecond;
        *enter<Rule>(&g_rules, read.type) = read;
    }
}

void read_grants() {
    const uint64 rows = g_read_grants.run();
    for (uint64 row = 0; row < rows; row++) {
        char type[kTypeBytes] = {};
        auto *grant = static_cast<WorkerGrant *>(
            MemoryContextAllocZero(g_grants.context, sizeof(WorkerGrant)));
        read_row(row, &type, &grant->role, &grant->for_role, &grant->granted_by);
        const auto *known = look_up<Granted>(g_grants, type);
        grant->next = known != nullptr ? known->first : nullptr;
        enter<Granted>(&g_grants, type)->first = grant;
    }
}

// All of a table.
void load(Cache *cache, void (*read)()) {
    if (!is_current(*cache))
        fill(cache, false, read);
}

} // namespace

const Handler *find_handler(const char *type) {
    const bool current = is_current(g_handlers);
    const Entry *entry = current ? look_up<Entry>(g_handlers, type) : nullptr;
    if (entry == nullptr && !(current && g_handlers.whole)) {
        const bool room = current && hash_get_num_entries(g_handlers.entries) < kMostKept;
        fill(&g_handlers, room, [type] { read_type(type); });
        entry = look_up<Entry>(g_handlers, type);
    }
    return entry != nullptr && entry->registered ? &entry->handler : nullptr;
}

void expect_handlers(long types) {
    if (types >= kMany && !(is_current(g_handlers) && g_handlers.whole))
        fill(&g_handlers, false, read_all_types);
}

uint64 answered_generation() { return g_handlers.valid ? g_handlers.generation : 0; }

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
    load(&g_rules, read_rules);
    const auto *found = look_up<Rule>(g_rules, type);
    return found != nullptr ? &found->rule : nullptr;
}

bool is_ordered(const char *type) {
    const LimitRule *rule = find_rule(type);
    return rule != nullptr && rule->ordered;
}

void each_rule(void (*visit)(const char *type, const LimitRule &rule, void *context),
               void *context) {
    load(&g_rules, read_rules);
    HASH_SEQ_STATUS scan;
    hash_seq_init(&scan, g_rules.entries);
    while (const auto *found = static_cast<const Rule *>(hash_seq_search(&scan)))
        visit(found->type, found->rule, context);
}

void each_granted(const char *type, Oid worker, void (*visit)(Oid for_role, void *context),
                  void *context) {
    const Handler *handler = find_handler(type);
    if (handler == nullptr)
        return;
    const Oid owner = handler->owner;
    load(&g_grants, read_grants);
    const auto *granted = look_up<Granted>(g_grants, type);
    const WorkerGrant *grant = granted != nullptr ? granted->first : nullptr;
    for (; grant != nullptr; grant = grant->next)
        if ((OidIsValid(grant->for_role) || grant->granted_by == owner) &&
            has_privs_of_role(worker, grant->role))
            visit(grant->for_role, context);
}

bool may_work(const char *type, Oid run_as, Oid worker) {
    struct {
        Oid run_as;
        bool may;
    } asked{run_as, false};
    each_granted(
        type, worker,
        [](Oid for_role, void *context) {
            auto *of = static_cast<decltype(asked) *>(context);
            of->may = of->may || !OidIsValid(for_role) || for_role == of->run_as;
        },
        &asked);
    return asked.may;
}

bool keeps_history(const char *type) {
    load(&g_unkept, read_unkept);
    return look_up<Pause>(g_unkept, type) == nullptr;
}

ArrayType *unkept_types() {
    load(&g_unkept, read_unkept);
    ArrayBuildState *types = new_column(TEXTOID);
    HASH_SEQ_STATUS scan;
    hash_seq_init(&scan, g_unkept.entries);
    while (const auto *found = static_cast<const Pause *>(hash_seq_search(&scan)))
        add_text(types, found->type);
    return DatumGetArrayTypeP(whole_column(types));
}

bool is_paused(const char *type) {
    load(&g_pauses, read_pauses);
    return look_up<Pause>(g_pauses, type) != nullptr;
}

bool all_paused() { return is_paused(""); }

uint64 handlers_generation() {
    AcceptInvalidationMessages();
    return IsolationUsesXactSnapshot() ? 0 : configuration_generation();
}

void each_handler(void (*visit)(const Handler &handler, void *context), void *context) {
    uint64 rows = 0;
    Handler *all = nullptr;
    MemoryContext memory = CurrentMemoryContext;
    in_books([&] {
        rows = g_read_handlers.run();
        all = static_cast<Handler *>(MemoryContextAlloc(memory, (rows + 1) * sizeof(Handler)));
        for (uint64 row = 0; row < rows; row++)
            all[row] = read_handler(row, memory);
    });
    for (uint64 row = 0; row < rows; row++)
        visit(all[row], context);
    pfree(all);
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
