#include "jobs/history.hpp"

#include "base/arguments.hpp"
#include "base/columns.hpp"
#include "handlers/command.hpp"
#include "hooks/changes.hpp"
#include "pg/clock.hpp"
#include "pg/extension.hpp"
#include "pg/sql.hpp"

extern "C" {
#include "utils/datetime.h"
}

namespace ayb {

namespace {

constexpr int kDaysAhead = 3;
constexpr int kBatch = 5000;
constexpr int64 kWeek = 7 * USECS_PER_DAY;

bool g_making; // a day's table, or none could be made

// Days since 2000, in UTC whatever TimeZone says.
int day_of(TimestampTz at) {
    return static_cast<int>(at >= 0 ? at / USECS_PER_DAY
                                    : (at - USECS_PER_DAY + 1) / USECS_PER_DAY);
}

struct DayName {
    char partition[NAMEDATALEN];
};

DayName name_of(int day) {
    DayName name;
    int year;
    int month;
    int of_month;
    j2date(day + POSTGRES_EPOCH_JDATE, &year, &month, &of_month);
    snprintf(name.partition, sizeof(name.partition), "job_history_%04d%02d%02d", year, month,
             of_month);
    return name;
}

const char *instant_of(int day) {
    int year;
    int month;
    int of_month;
    j2date(day + POSTGRES_EPOCH_JDATE, &year, &month, &of_month);
    return psprintf("%04d-%02d-%02d 00:00:00+00", year, month, of_month);
}

bool day_exists(int day) { return OidIsValid(extension_table(name_of(day).partition)); }

// Whoever reads a day past the parent, as pg_dump does, sees what the parent's policies would show.
void guard_day(const char *partition) {
    run_own_ddl(psprintf("ALTER TABLE ayb_jobs.%s ENABLE ROW LEVEL SECURITY", partition));
    run_own_ddl(psprintf("CREATE POLICY own ON ayb_jobs.%s FOR SELECT USING (run_as = ANY"
                         " ((SELECT ayb_jobs_internal.visible_roles())::oid[])"
                         " OR enqueued_by = ANY"
                         " ((SELECT ayb_jobs_internal.visible_roles())::oid[])"
                         " AND type <> ALL ((SELECT ayb_jobs_internal.hidden_types())::text[]))",
                         partition));
    run_own_ddl(psprintf(
        "CREATE POLICY every ON ayb_jobs.%s FOR SELECT TO ayb_jobs_read USING (true)", partition));
    run_text(psprintf("SELECT ayb_jobs_internal.revoke_grants('TABLE ayb_jobs.%s')", partition));
    run_own_ddl(psprintf("GRANT SELECT ON ayb_jobs.%s TO PUBLIC", partition));
}

// Made by itself and attached then: CREATE … PARTITION OF would wait for every reader of the
// parent, and every writer for it.
void make_day(int day) {
    const DayName name = name_of(day);
    run_text("LOCK TABLE ayb_jobs.job_history IN SHARE UPDATE EXCLUSIVE MODE");
    if (day_exists(day))
        return;
    set_locally("default_tablespace", ""); // it may be made inside somebody's job
    run_own_ddl(psprintf("CREATE TABLE ayb_jobs.%s (LIKE ayb_jobs.job_history INCLUDING DEFAULTS)",
                         name.partition));
    run_own_ddl(
        psprintf("CREATE INDEX %s_id_idx ON ayb_jobs.%s (id)", name.partition, name.partition));
    run_own_ddl(psprintf("CREATE INDEX %s_type_idx ON ayb_jobs.%s (type, id)", name.partition,
                         name.partition));
    run_own_ddl(psprintf("CREATE INDEX %s_flow_idx ON ayb_jobs.%s (flow) WHERE flow IS NOT NULL",
                         name.partition, name.partition));
    run_own_ddl(psprintf("CREATE INDEX %s_run_as_idx ON ayb_jobs.%s (run_as, id)", name.partition,
                         name.partition));
    // Without it nothing could be deleted by hand while a publication FOR ALL TABLES is there.
    run_own_ddl(psprintf("ALTER TABLE ayb_jobs.%s REPLICA IDENTITY FULL", name.partition));
    guard_day(name.partition);
    run_own_ddl(psprintf("COMMENT ON TABLE ayb_jobs.%s IS 'jobs completed on one day (UTC)'",
                         name.partition));
    run_own_ddl(psprintf("ALTER TABLE ayb_jobs.job_history ATTACH PARTITION ayb_jobs.%s"
                         " FOR VALUES FROM ('%s') TO ('%s')",
                         name.partition, instant_of(day), instant_of(day + 1)));
}

Sql<> g_days{R"sql(
    SELECT c.relname, true, i.inhdetachpending
    FROM pg_inherits AS i JOIN pg_class AS c ON c.oid = i.inhrelid
    WHERE i.inhparent = 'ayb_jobs.job_history'::regclass
        AND c.relname LIKE 'job\_history\_________'
    UNION ALL
    SELECT c.relname, false, false
    FROM pg_class AS c
    WHERE c.relnamespace = 'ayb_jobs'::regnamespace AND c.relkind = 'r'
        AND NOT c.relispartition AND c.relname LIKE 'job\_history\_________'
    ORDER BY 1
)sql"};

// A partition that is to go, and how far it has come: still attached, half detached, detached.
struct OldDay {
    NameData partition;
    bool attached;
    bool pending;
};

bool find_old_day(int first_kept, OldDay *old) {
    return in_own_books([first_kept, old] {
        if (g_days.run() == 0)
            return false;
        read_row(0, &old->partition, &old->attached, &old->pending);
        return strcmp(NameStr(old->partition), name_of(first_kept).partition) < 0;
    });
}

template <typename Work> void keep_memory(const Work &work) {
    MemoryContext before = CurrentMemoryContext;
    in_own_books(work);
    MemoryContextSwitchTo(before);
}

void run_in_books(const char *sql) {
    keep_memory([sql] { run_text(sql); });
}

void free_day(const char *partition) {
    run_in_books(psprintf(AYB_FREE_KEYS("ayb_jobs.%s"), partition));
    run_in_books(psprintf("DELETE FROM ayb_jobs.job_attempts AS a USING ayb_jobs.%s AS h"
                          " WHERE h.runs > 1 AND a.job_id = h.id",
                          partition));
}

void detach(const char *partition, const char *how) {
    run_top_level(psprintf("ALTER TABLE ayb_jobs.job_history DETACH PARTITION ayb_jobs.%s %s",
                           partition, how),
                  CurrentMemoryContext);
}

// Its statements are in the caller's memory, which outlives their transactions.
void drop_day(const OldDay &old) {
    if (old.attached && !old.pending) {
        free_day(NameStr(old.partition));
        detach(NameStr(old.partition), "CONCURRENTLY");
    } else if (old.pending) {
        detach(NameStr(old.partition), "FINALIZE");
    }
    const char *drop = psprintf("DROP TABLE ayb_jobs.%s", NameStr(old.partition));
    keep_memory([drop] { run_own_ddl(drop); });
}

Sql<At, int, At> g_purge{R"sql(
    WITH old AS (
        SELECT q.id
        FROM ayb_jobs.job_queue AS q
        WHERE q.state IN ('failed', 'canceled') AND q.updated_at < $1
        ORDER BY q.updated_at
        LIMIT $2
        FOR UPDATE SKIP LOCKED
    ),
    gone AS (
        DELETE FROM ayb_jobs.job_queue AS q USING old
        WHERE q.id = old.id
        RETURNING )sql" AYB_KEY_COLUMNS("q") R"sql(, q.flow
    ),
    keys AS ()sql" AYB_FREE_KEYS("gone") R"sql(),
    attempts AS (DELETE FROM ayb_jobs.job_attempts AS a USING gone AS g WHERE a.job_id = g.id),
    )sql" AYB_END_EDGES("gone", "false", "$3") R"sql(
    SELECT g.id FROM gone AS g
)sql"};
Sql<At> g_purge_minutes{"DELETE FROM ayb_jobs.job_minutes WHERE minute < $1"};
Sql<At> g_purge_depths{"DELETE FROM ayb_jobs.job_depths WHERE minute < $1"};
// A job that completed since the action is there for as long as completed jobs are kept: so nothing
// that still has its job is looked at before. No EXISTS: see g_reuse_key in enqueue.cpp.
Sql<At> g_purge_actions{R"sql(
    DELETE FROM ayb_jobs.job_actions AS a
    WHERE a.at < $1
        AND (SELECT q.id FROM ayb_jobs.job_queue AS q WHERE q.id = a.job_id LIMIT 1) IS NULL
        AND (SELECT h.id FROM ayb_jobs.job_history AS h WHERE h.id = a.job_id LIMIT 1) IS NULL
)sql"};

} // namespace

void ensure_history(TimestampTz at) {
    if (day_exists(day_of(at)))
        return;
    g_making = true; // stays so if an error leaves from here
    make_day(day_of(at));
    g_making = false;
}

bool day_is_missing() { return g_making; }

void ensure_day(TimestampTz now) {
    static int known = -1; // the day that this process has seen last
    g_making = false;
    if (settings::retention == 0 || day_of(now) == known)
        return;
    in_own_books([now] { ensure_history(now); });
    known = day_of(now);
}

Oid history_table(TimestampTz first, TimestampTz last) {
    return day_of(first) == day_of(last) ? extension_table(name_of(day_of(first)).partition)
                                         : InvalidOid;
}

void prepare_days(TimestampTz now) {
    in_own_books([now] {
        for (int ahead = 0; ahead <= kDaysAhead; ahead++)
            ensure_history(now + ahead * USECS_PER_DAY);
    });
}

void drop_old_days(TimestampTz now) {
    static MemoryContext memory; // kept, so that one which fails leaves nothing behind
    if (memory == nullptr)
        memory =
            AllocSetContextCreate(TopMemoryContext, "ayb_jobs old days", ALLOCSET_DEFAULT_SIZES);
    const int first_kept = day_of(now - settings::retention * kMicrosecondsPerSecond);
    OldDay old;
    while (find_old_day(first_kept, &old)) {
        CHECK_FOR_INTERRUPTS();
        MemoryContextReset(memory);
        MemoryContext before = MemoryContextSwitchTo(memory);
        drop_day(old);
        MemoryContextSwitchTo(before);
    }
}

void purge_ended(TimestampTz now) {
    if (settings::failed_retention > 0) {
        const TimestampTz before = now - settings::failed_retention * kMicrosecondsPerSecond;
        while (in_own_books([=] { return g_purge.run(At{before}, kBatch, At{now}); }) == kBatch)
            CHECK_FOR_INTERRUPTS();
    }
    in_own_books([now] {
        g_purge_minutes.run(At{now - kWeek});
        g_purge_depths.run(At{now - kWeek});
    });
    const TimestampTz kept = now - settings::retention * kMicrosecondsPerSecond;
    in_own_books([kept] { g_purge_actions.run(At{kept}); });
}

} // namespace ayb

using namespace ayb;

// prepare_history(at) → void: for rows that are written into the history by hand.
AYB_SQL_FUNCTION(ayb_jobs_prepare_history) {
    require_argument(fcinfo, 0, "at");
    const TimestampTz at = PG_GETARG_TIMESTAMPTZ(0);
    check_run_at(at);
    in_bounded_books([at] { ensure_history(at); });
    note_recount();
    PG_RETURN_VOID();
}
