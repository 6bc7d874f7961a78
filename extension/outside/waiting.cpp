#include "outside/waiting.hpp"

#include "base/arguments.hpp"
#include "memory/due_floor.hpp"
#include "pg/clock.hpp"
#include "waiters/waiters.hpp"

namespace ayb {

namespace {

constexpr long kAloneMs = 1000;
constexpr long kLongestMs = 3600 * 1000L; // at once
constexpr int64 kLongestWaitMs = 366 * 86400000LL;

uint32 wait_event() {
    static uint32 event;
    if (event == 0)
        event = new_wait_event("AybJobsWaiter");
    return event;
}

// DROP DATABASE and its like wait for nobody who waits.
void leave_if_wanted() {
    const Database *database = find_database(MyDatabaseId);
    if (database != nullptr && pg_atomic_read_u32(&const_cast<Database *>(database)->holds) != 0)
        ereport(FATAL, (errcode(ERRCODE_ADMIN_SHUTDOWN),
                        errmsg("terminating connection: a statement wants the database for itself"),
                        errhint("Connect again, and wait again if the database is still there.")));
}

void leave(int /*code*/, Datum /*argument*/) { leave_waiters(false); }

} // namespace

void require_waiting(FunctionCallInfo fcinfo, const char *procedure) {
    PreventCommandDuringRecovery(procedure);
    if (!preloaded())
        ereport(ERROR,
                (errcode(ERRCODE_OBJECT_NOT_IN_PREREQUISITE_STATE),
                 errmsg("nobody would wake who waits"),
                 errhint("Add ayb_jobs to shared_preload_libraries, and restart the server.")));
    const auto *call = reinterpret_cast<const CallContext *>(fcinfo->context);
    if (call == nullptr || !IsA(call, CallContext) || call->atomic || IsSubTransaction())
        ereport(ERROR, (errcode(ERRCODE_ACTIVE_SQL_TRANSACTION),
                        errmsg("%s can't wait inside a transaction block", procedure),
                        errhint("CALL it as a statement of its own, with autocommit on: it commits,"
                                " and holds no snapshot while it waits.")));
}

TimestampTz wait_until(FunctionCallInfo fcinfo, int number) {
    require_argument(fcinfo, number, "timeout");
    const int64 ms =
        Min(delay_argument(fcinfo, number, "timeout", "With 0 it only looks."), kLongestWaitMs);
    const TimestampTz until = later(GetCurrentTimestamp(), ms * kMicrosecondsPerMillisecond);
    if (StatementTimeout == 0)
        return until;
    const int64 tenths = static_cast<int64>(StatementTimeout) * 9 / 10;
    return Min(until,
               later(GetCurrentStatementStartTimestamp(), tenths * kMicrosecondsPerMillisecond));
}

void in_waiting(void (*wait)(void *context), void *context) {
    if (SPI_connect_ext(SPI_OPT_NONATOMIC) != SPI_OK_CONNECT)
        elog(ERROR, "SPI_connect failed");
    PG_ENSURE_ERROR_CLEANUP(leave, 0);
    {
        begin_anew();
        wait(context);
    }
    PG_END_ENSURE_ERROR_CLEANUP(leave, 0);
    SPI_finish();
}

void require_entered(Entry entry) {
    if (entry == Entry::done)
        return;
    ereport(ERROR,
            (errcode(ERRCODE_CONFIGURATION_LIMIT_EXCEEDED),
             entry == Entry::full
                 ? errmsg("%d sessions wait for jobs already", kMostWaiters)
                 : errmsg("%d sessions of role \"%s\" wait for jobs already", kMostWaitersOfRole,
                          GetUserNameFromId(GetUserId(), false)),
             errhint("One session can wait for many workers: claim more than one job at once.")));
}

void begin_anew() {
    SPI_commit();
    SPI_start_transaction(); // which the commit has done already since 15
    XactIsoLevel = XACT_READ_COMMITTED;
    pgstat_report_xact_timestamp(0); // no transaction that anybody need mind
}

void tell_scheduler(TimestampTz next) {
    Database *database = find_served(MyDatabaseId);
    if (database != nullptr && next < DT_NOEND)
        lower_due(database, &database->waits, next);
}

bool is_alone() { return find_served(MyDatabaseId) == nullptr; }

bool sleep_a_while(TimestampTz until) {
    leave_if_wanted();
    const TimestampTz now = GetCurrentTimestamp();
    if (now >= until)
        return false;
    WaitLatch(MyLatch, WL_LATCH_SET | WL_TIMEOUT | WL_EXIT_ON_PM_DEATH,
              milliseconds_until(until, now, is_alone() ? kAloneMs : kLongestMs), wait_event());
    ResetLatch(MyLatch);
    CHECK_FOR_INTERRUPTS();
    AcceptInvalidationMessages();
    leave_if_wanted();
    return true;
}

} // namespace ayb
