#include "handlers/handlers.hpp"

#include "memory/configuration.hpp"
#include "pg/books.hpp"
#include "pg/clock.hpp"

namespace ayb {

namespace {

struct Pause {
    char type[kTypeBytes]; // the key
};

MemoryContext g_context;
HTAB *g_handlers;
HTAB *g_pauses;
bool g_valid;
uint64 g_generation; // of the configuration that was read
uint64 g_code_generation;
uint64 g_invalidations; // tells whether the tables changed while they were being read

// Any relation may stand behind `relation`: a look at two oids would need the catalogs.
Oid g_handlers_oid;
Oid g_pauses_oid;

void on_invalidation(Datum /*argument*/, Oid relation) {
    if (relation == InvalidOid || relation == g_handlers_oid || relation == g_pauses_oid) {
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

Kind kind_of(const char *name) {
    if (strcmp(name, "function") == 0)
        return Kind::function;
    return strcmp(name, "command") == 0 ? Kind::command : Kind::external;
}

void read_backoff(Handler *handler, uint64 row, int number) {
    bool null;
    const Datum value = column(row, number, &null);
    handler->backoff_count = 0;
    if (null)
        return;
    Datum *steps;
    bool *nulls;
    int count;
    deconstruct_array(DatumGetArrayTypeP(value), INTERVALOID, sizeof(Interval), false,
                      TYPALIGN_DOUBLE, &steps, &nulls, &count);
    for (int i = 0; i < count && handler->backoff_count < kMaxBackoffSteps; i++)
        if (!nulls[i])
            handler->backoff_ms[handler->backoff_count++] =
                interval_milliseconds(DatumGetIntervalP(steps[i]));
}

void read_name(NameData *name, uint64 row, int number) {
    bool null;
    const Datum value = column(row, number, &null);
    namestrcpy(name, null ? "" : NameStr(*DatumGetName(value)));
}

void read_handler(uint64 row) {
    auto *handler =
        static_cast<Handler *>(hash_search(g_handlers, text_column(row, 1), HASH_ENTER, nullptr));
    bool null;
    handler->kind = kind_of(text_column(row, 2));
    handler->owner = oid_column(row, 3);
    read_name(&handler->schema, row, 4);
    read_name(&handler->name, row, 5);
    handler->function_owner = oid_column(row, 6);
    handler->takes_payload = DatumGetBool(column(row, 7, &null));
    const char *command = text_column(row, 8);
    handler->command = command == nullptr ? nullptr : MemoryContextStrdup(g_context, command);
    const Datum timeout = column(row, 9, &null);
    handler->timeout_ms = null ? 0 : interval_milliseconds(DatumGetIntervalP(timeout));
    handler->max_attempts = static_cast<int>(int_column(row, 10));
    read_backoff(handler, row, 11);
    handler->definer = DatumGetBool(column(row, 12, &null));
    handler->builtin = DatumGetBool(column(row, 13, &null));
    handler->grouped = DatumGetBool(column(row, 14, &null));
}

Statement s_handlers{
    "SELECT type, kind, owner, function_schema, function_name, function_owner, takes_payload,"
    " command, timeout, max_attempts, backoff, definer, builtin,"
    " grouped FROM ayb_jobs.handlers",
    0,
    {},
    nullptr};
Statement s_pauses{"SELECT type FROM ayb_jobs.pauses", 0, {}, nullptr};

void read_tables() {
    if (g_context == nullptr)
        g_context =
            AllocSetContextCreate(TopMemoryContext, "ayb_jobs handlers", ALLOCSET_SMALL_SIZES);
    MemoryContextReset(g_context);
    const Books books = open_books();
    g_handlers_oid = get_relname_relid("handlers", get_namespace_oid("ayb_jobs", false));
    g_pauses_oid = get_relname_relid("pauses", get_namespace_oid("ayb_jobs", false));
    g_handlers = make_table("ayb_jobs handlers", sizeof(Handler));
    g_pauses = make_table("ayb_jobs pauses", sizeof(Pause));
    uint64 rows = run_statement(s_handlers, Parameters());
    for (uint64 row = 0; row < rows; row++)
        read_handler(row);
    rows = run_statement(s_pauses, Parameters());
    for (uint64 row = 0; row < rows; row++)
        hash_search(g_pauses, text_column(row, 1), HASH_ENTER, nullptr);
    close_books(books);
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

bool is_paused(const char *type) {
    load();
    return hash_search(g_pauses, type, HASH_FIND, nullptr) != nullptr;
}

bool all_paused() { return is_paused(""); }

ArrayType *types_to_leave_out(const char *const *extra, int count) {
    load();
    ArrayBuildState *types = initArrayResult(TEXTOID, CurrentMemoryContext, false);
    HASH_SEQ_STATUS scan;
    hash_seq_init(&scan, g_pauses);
    while (auto *pause = static_cast<Pause *>(hash_seq_search(&scan)))
        types = accumArrayResult(types, CStringGetTextDatum(pause->type), false, TEXTOID,
                                 CurrentMemoryContext);
    for (int i = 0; i < count; i++)
        types = accumArrayResult(types, CStringGetTextDatum(extra[i]), false, TEXTOID,
                                 CurrentMemoryContext);
    return DatumGetArrayTypeP(makeArrayResult(types, CurrentMemoryContext));
}

void each_handler(void (*visit)(const Handler &handler, void *context), void *context) {
    load();
    HASH_SEQ_STATUS scan;
    hash_seq_init(&scan, g_handlers);
    while (auto *handler = static_cast<Handler *>(hash_seq_search(&scan)))
        visit(*handler, context);
}

void forget_handlers() { g_valid = false; }

uint64 code_generation() { return g_code_generation; }

void install_handler_callbacks() {
    CacheRegisterRelcacheCallback(on_invalidation, 0);
    constexpr int kCaches[] = {PROCOID, NAMESPACEOID, AUTHOID, AUTHMEMROLEMEM};
    for (const int cache : kCaches)
        CacheRegisterSyscacheCallback(cache, on_code_invalidation, 0);
}

} // namespace ayb
