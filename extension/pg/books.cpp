#include "pg/books.hpp"

#include "pg/extension.hpp"

namespace ayb {

namespace {

constexpr int kLongestLockWaitMs = 2000;

void set_flag(bool now, const char *name, bool wanted) {
    if (now != wanted)
        set_locally(name, wanted ? "on" : "off");
}

// Plans are made once and kept for the session: they must suit large tables (hooks/planning.hpp),
// whatever the role set. Only what differs is set: each setting costs time.
void pin_planning() {
    set_locally("search_path", "pg_catalog, pg_temp");
    set_locally("plan_cache_mode", "force_generic_plan");
    set_flag(enable_seqscan, "enable_seqscan", false);
    set_flag(enable_bitmapscan, "enable_bitmapscan", false);
    set_flag(enable_indexscan, "enable_indexscan", true);
    set_flag(enable_indexonlyscan, "enable_indexonlyscan", true);
    set_flag(enable_nestloop, "enable_nestloop", true);
    set_flag(enable_partition_pruning, "enable_partition_pruning", true);
    set_flag(jit_enabled, "jit", false);
}

} // namespace

void set_locally(const char *name, const char *value) {
    set_config_option(name, value, PGC_SUSET, PGC_S_SESSION, GUC_ACTION_SAVE, true, 0, false);
}

bool books_are_open() {
    return InLocalUserIdChange() && !enable_seqscan &&
           plan_cache_mode == PLAN_CACHE_MODE_FORCE_GENERIC_PLAN;
}

void connect_spi() {
    if (SPI_connect() != SPI_OK_CONNECT)
        elog(ERROR, "could not connect to SPI");
}

Books open_books() { return open_books_as(require_extension()); }

Books open_bounded_books() {
    const Books books = open_books();
    if (LockTimeout == 0 || LockTimeout > kLongestLockWaitMs)
        set_locally("lock_timeout", psprintf("%d", kLongestLockWaitMs));
    return books;
}

Books open_books_as(Oid owner) {
    Books books;
    GetUserIdAndSecContext(&books.user, &books.context);
    books.guc_level = NewGUCNestLevel();
    pin_planning();
    SetUserIdAndSecContext(owner, books.context | SECURITY_LOCAL_USERID_CHANGE |
                                      SECURITY_RESTRICTED_OPERATION);
    connect_spi();
    if (!ActiveSnapshotSet())
        elog(ERROR, "the books need a snapshot");
    return books;
}

void close_books(const Books &books) {
    SPI_finish();
    SetUserIdAndSecContext(books.user, books.context);
    AtEOXact_GUC(true, books.guc_level);
}

} // namespace ayb
