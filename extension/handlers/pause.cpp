// pause(), resume(), drain().
#include "base/arguments.hpp"
#include "base/stamp.hpp"
#include "handlers/handlers.hpp"
#include "handlers/right.hpp"
#include "hooks/changes.hpp"
#include "memory/databases.hpp"
#include "memory/holds.hpp"
#include "memory/slots.hpp"
#include "pg/clock.hpp"
#include "pg/sql.hpp"

namespace ayb {

namespace {

constexpr int kPollMs = 5;
constexpr int kCancelMs = 1000; // for a handler to give way to its cancel
constexpr int kEndMs = 1000;    // for its process to end

Sql<const char *, Oid> g_pause{R"sql(
    INSERT INTO ayb_jobs.pauses (type, paused_by) VALUES ($1, $2) ON CONFLICT DO NOTHING
)sql"};
Sql<const char *> g_resume{"DELETE FROM ayb_jobs.pauses WHERE type = $1"};

const char *optional_type(FunctionCallInfo fcinfo) {
    const char *type = PG_ARGISNULL(0) ? nullptr : type_argument(fcinfo, 0);
    check_right(type, Right::operate);
    return type;
}

void write_pause(const char *type) {
    const Oid me = GetUserId();
    in_bounded_books([=] { g_pause.run(type, me); });
}

int count_busy() {
    int busy = 0;
    each_slot([&](const WorkerSlot &slot) {
        if (slot.serves(MyDatabaseId) && (slot.has_job || slot.in_turn) && slot.pid != MyProcPid)
            busy++;
    });
    return busy;
}

// Waits until no worker of this database is in a job; false if the time was over first.
bool wait_until_quiet(int64 milliseconds) {
    const TimestampTz start = GetCurrentTimestamp();
    while (count_busy() > 0) {
        if ((GetCurrentTimestamp() - start) / kMicrosecondsPerMillisecond >= milliseconds)
            return false;
        WaitLatch(MyLatch, WL_LATCH_SET | WL_TIMEOUT | WL_EXIT_ON_PM_DEATH, kPollMs,
                  PG_WAIT_EXTENSION);
        ResetLatch(MyLatch);
        CHECK_FOR_INTERRUPTS();
    }
    return true;
}

// A handler that traps the cancel loses its process, as at a shutdown.
void interrupt_all() {
    interrupt_workers(MyDatabaseId, false);
    if (wait_until_quiet(kCancelMs))
        return;
    interrupt_workers(MyDatabaseId, true);
    wait_until_quiet(kEndMs);
}

} // namespace

} // namespace ayb

using namespace ayb;

// pause(type) → void
AYB_SQL_FUNCTION(ayb_jobs_pause) {
    const char *type = optional_type(fcinfo);
    write_pause(type == nullptr ? "" : type);
    PG_RETURN_VOID();
}

// resume(type) → void
AYB_SQL_FUNCTION(ayb_jobs_resume) {
    const char *type = optional_type(fcinfo);
    // A deploy script that resumes must not start production's jobs in its copy.
    if (type == nullptr)
        refuse_in_copy();
    in_bounded_books([type] { g_resume.run(type == nullptr ? "" : type); });
    if (type == nullptr)
        end_drain();
    PG_RETURN_VOID();
}

// adopt() → void
AYB_SQL_FUNCTION(ayb_jobs_adopt) {
    check_right(nullptr, Right::admin);
    adopt_database();
    PG_RETURN_VOID();
}

// drain(timeout) → boolean
AYB_SQL_FUNCTION(ayb_jobs_drain) {
    check_right(nullptr, Right::operate);
    const int64 timeout = duration_argument(fcinfo, 0, "timeout", settings::shutdown_timeout);
    write_pause("");
    Database *database = find_database(MyDatabaseId);
    if (database == nullptr)
        PG_RETURN_BOOL(true);
    // Seen at once; the pause that lasts is the row, which this transaction commits.
    pg_atomic_write_u32(&database->draining, 1);
    pg_memory_barrier();
    note_draining();
    const bool quiet = wait_until_quiet(timeout);
    if (!quiet)
        interrupt_all();
    PG_RETURN_BOOL(quiet);
}
