#include "flows/look.hpp"

#include "base/arguments.hpp"
#include "flows/judge.hpp"
#include "hooks/kin.hpp"
#include "memory/databases.hpp"
#include "pg/arrays.hpp"
#include "pg/settings.hpp"
#include "pg/sql.hpp"

namespace ayb {

namespace {

constexpr int kAtOnce = 256;    // jobs that are asked about
constexpr int kMostRounds = 16; // of a worker's look
constexpr int kMostTurns = 4;
constexpr int64 kLockedRetry = 100 * kMicrosecondsPerMillisecond; // of what somebody has locked

Sql<core::Uuid, int> g_next_waiting{R"sql(
    SELECT e.child FROM ayb_jobs.job_edges AS e
    WHERE e.watched AND e.child > $1 ORDER BY e.child LIMIT $2
)sql"};
// Nothing will ever let go of these. By hand, or by half a restore.
Sql<> g_orphans{R"sql(
    SELECT q.id FROM ayb_jobs.job_queue AS q
    WHERE q.state = 'queued' AND q.waits_for = 'jobs'
        AND NOT EXISTS (SELECT FROM ayb_jobs.job_edges AS e WHERE e.child = q.id AND e.watched)
)sql"};
Sql<> g_mark{R"sql(
    SELECT count(*) FILTER (
        WHERE ayb_jobs_internal.mark_edge(e.child, e.parent, e.watched, e.flow))
    FROM ayb_jobs.job_edges AS e
)sql"};

bool g_looking; // this process does

void stop_looking(Database *database) {
    g_looking = false;
    end_looking(database);
}

// Who ends while it looks leaves everything to the scheduler.
void leave_look(int /*code*/, Datum /*argument*/) {
    Database *database = find_database(MyDatabaseId);
    if (!g_looking || database == nullptr)
        return;
    ask_for_sweep(database);
    stop_looking(database);
    wake_scheduler(database);
}

bool is_scheduler_wanted(Database *database) {
    return pg_atomic_read_u32(&database->kin.waiting) != 0 ||
           pg_atomic_read_u32(&database->kin.sweep) != 0 || database->kin.later.count > 0;
}

bool start_looking(Database *database) {
    static bool guarded_exit;
    if (!guarded_exit)
        before_shmem_exit(leave_look, 0);
    guarded_exit = true;
    g_looking = begin_looking(database);
    return g_looking;
}

// Which of the jobs that have ended were theirs isn't known by then.
void leave_for_later(Database *database, const Children &skipped) {
    for (int i = 0; i < skipped.count; i++)
        ask_for_later_look(database, {skipped.ids[i], true});
}

// In transactions of their own: what was asked about, and all children that this leads to. Most
// lead to few, for whom one transaction does.
void look_at(Database *database, const Asked &asked) {
    MemoryContext memory =
        AllocSetContextCreate(TopMemoryContext, "ayb_jobs children", ALLOCSET_DEFAULT_SIZES);
    MemoryContext before = MemoryContextSwitchTo(memory);
    Children children{};
    int at = 0;
    do {
        const Children skipped = in_own_books([&] {
            if (at == 0)
                children = children_of(asked, memory);
            const int most = Min(kChildrenAtOnce, children.count - at);
            return most == 0 ? Children{}
                             : judge_children({children.ids + at, most}, asked, memory);
        });
        leave_for_later(database, skipped);
        at += kChildrenAtOnce;
    } while (at < children.count);
    MemoryContextSwitchTo(before);
    MemoryContextDelete(memory);
}

// Until nothing is asked for any more, or for so many rounds.
void look_at_ring(Database *database, KinRing *ring, int rounds) {
    KinLook looks[kAtOnce];
    int count = kAtOnce;
    for (int round = 0; round < rounds && count > 0; round++) {
        CHECK_FOR_INTERRUPTS();
        count = take_asked(database, ring, looks, kAtOnce);
        if (count > 0)
            look_at(database, {looks, count});
    }
}

void look_at_orphans(Database *database) {
    in_own_books([&] {
        const uint64 rows = g_orphans.run();
        for (uint64 row = 0; row < rows; row++) {
            core::Uuid id;
            read_row(row, &id);
            ask_for_look(database, {id, true});
        }
    });
}

void sweep(Database *database) {
    KinLook looks[kAtOnce] = {};
    core::Uuid after{};
    uint64 rows = kAtOnce;
    while (rows == kAtOnce) {
        CHECK_FOR_INTERRUPTS();
        rows = in_own_books([&] {
            const uint64 found = g_next_waiting.run(after, kAtOnce);
            for (uint64 row = 0; row < found; row++) {
                read_row(row, &looks[row].id);
                looks[row].by_all = true;
            }
            return found;
        });
        if (rows > 0)
            look_at(database, {looks, static_cast<int>(rows)});
        after = rows > 0 ? looks[rows - 1].id : after;
    }
    look_at_orphans(database);
}

} // namespace

bool any_look_wanted() {
    Database *database = find_database(MyDatabaseId);
    return database != nullptr && pg_atomic_read_u32(&database->kin.waiting) != 0;
}

bool any_look_left() { return is_scheduler_wanted(find_database(MyDatabaseId)); }

namespace {

// After the end of a look somebody may have asked who found it still on.
void look_as_worker(Database *database) {
    for (int turn = 0; turn < kMostTurns && any_look_wanted() && start_looking(database); turn++) {
        look_at_ring(database, &database->kin.now, kMostRounds);
        stop_looking(database);
    }
    if (is_scheduler_wanted(database))
        wake_scheduler(database);
}

void recover(Database *database, MemoryContext context) {
    MemoryContextSwitchTo(context);
    ErrorData *error = CopyErrorData();
    FlushErrorState();
    AbortCurrentTransaction();
    MemoryContextSwitchTo(context);
    ereport(LOG, (errcode(error->sqlerrcode),
                  errmsg("could not let jobs go on whose parents have ended: %s", error->message),
                  errdetail("The scheduler tries again.")));
    FreeErrorData(error);
    ask_for_sweep(database);
    stop_looking(database);
    wake_scheduler(database);
}

} // namespace

void look_at_children() {
    Database *database = find_database(MyDatabaseId);
    MemoryContext context = CurrentMemoryContext;
    PG_TRY();
    { look_as_worker(database); }
    PG_CATCH();
    { recover(database, context); }
    PG_END_TRY();
    MemoryContextSwitchTo(context);
}

namespace {

void note_put_off(Database *database, TimestampTz now) {
    if (database->kin.later.count == 0)
        pg_atomic_write_u64(&database->kin.put_off, 0);
    else if (pg_atomic_read_u64(&database->kin.put_off) == 0)
        pg_atomic_write_u64(&database->kin.put_off, static_cast<uint64>(now));
}

} // namespace

namespace {

Sql<UuidArray> g_canceled{R"sql(
    SELECT q.id FROM ayb_jobs.job_queue AS q WHERE q.id = ANY ($1) AND q.state = 'canceled'
)sql"};

// Jobs that wait for all others of their flow, and that nobody has looked at yet.
Sql<> g_new_stars{R"sql(
    SELECT e.child FROM ayb_jobs.job_edges AS e WHERE e.flow IS NOT NULL AND e.parent IS NULL
)sql"};

// With room for one more.
Asked asked_of(uint64 rows) {
    auto *looks = static_cast<KinLook *>(palloc0((rows + 1) * sizeof(KinLook)));
    for (uint64 row = 0; row < rows; row++)
        read_row(row, &looks[row].id);
    return {looks, static_cast<int>(rows)};
}

// Gives back those of the children of these that are canceled: what waits for them is the next to
// be asked about.
Asked look_once(const Asked &asked) {
    const Children children = children_of(asked, CurrentMemoryContext);
    judge_children(children, asked, CurrentMemoryContext);
    ArrayBuildState *ids = new_column(UUIDOID);
    for (int i = 0; i < children.count; i++)
        add_value(ids, uuid_datum(children.ids[i]));
    return asked_of(g_canceled.run(UuidArray(whole_column(ids))));
}

} // namespace

void look_in_transaction(const core::Uuid &ended) {
    Database *database = find_database(MyDatabaseId);
    const bool stars = may_be_in_star(database);
    if (!stars && !may_be_kin(database, Kin::parent, ended))
        return;
    Asked asked = asked_of(stars ? g_new_stars.run() : 0);
    asked.looks[asked.count++].id = ended;
    while (asked.count > 0)
        asked = look_once(asked);
}

TimestampTz look_at_all_children(TimestampTz now) {
    Database *database = find_database(MyDatabaseId);
    if (!start_looking(database))
        return later(now, kLockedRetry);
    PG_TRY();
    {
        look_at_ring(database, &database->kin.now, INT_MAX);
        const int locked = static_cast<int>(database->kin.later.count);
        look_at_ring(database, &database->kin.later, locked / kAtOnce + 1);
        if (pg_atomic_exchange_u32(&database->kin.sweep, 0) != 0)
            sweep(database);
    }
    PG_CATCH();
    {
        ask_for_sweep(database);
        stop_looking(database);
        PG_RE_THROW();
    }
    PG_END_TRY();
    note_put_off(database, now);
    stop_looking(database);
    return is_scheduler_wanted(database) ? later(now, kLockedRetry) : DT_NOEND;
}

namespace {

// What was deleted is remembered for as long as a transaction lasts that still sees it, and may
// enqueue what is to wait for it. A result that nobody waits for is left where two children ended
// at once.
Sql<At> g_purge_outcomes{R"sql(
    DELETE FROM ayb_jobs.job_outcomes AS o
    WHERE o.at < $1
        AND (o.state = 'deleted' AND age(o.xmin) > (
                SELECT coalesce(max(age(a.backend_xmin)), 0) FROM pg_stat_activity AS a)
            OR o.state <> 'deleted' AND (SELECT e.child FROM ayb_jobs.job_edges AS e WHERE e.parent = o.job_id LIMIT 1) IS NULL)
)sql"};
// No EXISTS: see g_reuse_key in enqueue.cpp.
Sql<At> g_purge_flows{R"sql(
    DELETE FROM ayb_jobs.job_flows AS f
    WHERE f.created_at < $1
        AND (SELECT q.id FROM ayb_jobs.job_queue AS q WHERE q.flow = f.id LIMIT 1) IS NULL
        AND (SELECT h.id FROM ayb_jobs.job_history AS h WHERE h.flow = f.id LIMIT 1) IS NULL
)sql"};

} // namespace

void read_edges(TimestampTz now) {
    Database *database = find_database(MyDatabaseId);
    begin_marking(database);
    in_own_books([] { g_mark.run(); });
    end_marking(database);
    ask_for_sweep(database);
    in_own_books([now] {
        g_purge_outcomes.run(At{now - USECS_PER_DAY});
        g_purge_flows.run(At{now - USECS_PER_DAY});
    });
    wake_scheduler(database); // for the sweep
}

} // namespace ayb

using namespace ayb;

// mark_edge(child, parent, watched, flow) → boolean
AYB_SQL_FUNCTION(ayb_jobs_mark_edge) {
    Database *database = find_database(MyDatabaseId);
    if (database == nullptr || PG_ARGISNULL(0) || PG_ARGISNULL(2))
        PG_RETURN_BOOL(false);
    set_kin(database, Kin::child, uuid_value(PG_GETARG_DATUM(0)));
    if (!PG_ARGISNULL(3))
        set_stars(database);
    if (PG_ARGISNULL(1))
        PG_RETURN_BOOL(true);
    set_kin(database, Kin::parent, uuid_value(PG_GETARG_DATUM(1)));
    if (PG_GETARG_BOOL(2))
        set_kin(database, Kin::watched, uuid_value(PG_GETARG_DATUM(1)));
    PG_RETURN_BOOL(true);
}

// put_off_since() → timestamptz
AYB_SQL_FUNCTION(ayb_jobs_put_off_since) {
    Database *database = find_database(MyDatabaseId);
    const uint64 since = database == nullptr ? 0 : pg_atomic_read_u64(&database->kin.put_off);
    if (since == 0)
        PG_RETURN_NULL();
    PG_RETURN_TIMESTAMPTZ(static_cast<TimestampTz>(since));
}
