// wait_for_realtime(): a session sleeps until one of some tables has changes.
#include "base/arguments.hpp"
#include "base/stamp.hpp"
#include "outside/waiting.hpp"
#include "pg/arrays.hpp"
#include "pg/clock.hpp"
#include "pg/tuples.hpp"
#include "realtime/listened.hpp"
#include "realtime/tables.hpp"

namespace ayb {

namespace {

constexpr int64 kRenewSeconds = kFeedSeconds / 3;

struct Wait {
    TableList tables;
    bool from_now; // only says where that is
    uint64 seen;
    TimestampTz until;
    int *feeds; // -1 for a table that isn't enabled
    bool *changed;
    uint32 touches;
    MemoryContext memory; // of one look
};

// Extends the leases, and finds what the tables are by now.
void renew(Wait *wait) {
    wait->touches = touches();
    AcceptInvalidationMessages();
    MemoryContext before = MemoryContextSwitchTo(wait->memory);
    PushActiveSnapshot(GetTransactionSnapshot());
    for (int i = 0; i < wait->tables.count; i++) {
        Listened table;
        wait->feeds[i] = -1;
        if (!open_listened(wait->tables.oids[i], &table))
            continue;
        wait->feeds[i] = require_feed(table.table, table.definition);
        close_listened(table);
    }
    PopActiveSnapshot();
    MemoryContextSwitchTo(before);
    MemoryContextReset(wait->memory);
}

// Whoever listens to a table that isn't there any more has to hear of it.
bool any_changed(Wait *wait) {
    bool any = false;
    for (int i = 0; i < wait->tables.count; i++) {
        const int feed = wait->feeds[i];
        wait->changed[i] = feed < 0 || newest_of(feed) > wait->seen;
        any = any || wait->changed[i];
    }
    return any;
}

void all_changed(Wait *wait) {
    for (int i = 0; i < wait->tables.count; i++)
        wait->changed[i] = true;
}

// False once the time is over. Where a role or a table may be another one now, everybody looks.
bool sleep(Wait *wait) {
    const TimestampTz renewal =
        later(GetCurrentTimestamp(), kRenewSeconds * kMicrosecondsPerSecond);
    begin_anew();
    const bool left = sleep_a_while(Min(wait->until, renewal));
    if (wait->touches != touches()) {
        renew(wait);
        all_changed(wait);
        return false;
    }
    if (!left && GetCurrentTimestamp() < wait->until)
        renew(wait);
    return left || GetCurrentTimestamp() < wait->until;
}

void wait_for_changes(Wait *wait) {
    if (!enter_listeners())
        ereport(ERROR, (errcode(ERRCODE_CONFIGURATION_LIMIT_EXCEEDED),
                        errmsg("%d sessions wait for changes already", kMostListeners),
                        errhint("One session can wait for all tables of a program.")));
    renew(wait);
    if (wait->from_now)
        wait->seen = last_event();
    else
        while (!any_changed(wait) && sleep(wait))
            ;
}

// The number up to which `changed` says all.
uint64 seen_by_now(const Wait &wait) {
    uint64 seen = wait.seen;
    for (int i = 0; i < wait.tables.count; i++)
        if (wait.changed[i] && wait.feeds[i] >= 0)
            seen = Max(seen, newest_of(wait.feeds[i]));
    return seen;
}

void leave(int /*code*/, Datum /*argument*/) { leave_listeners(); }

void wait_until_left(void *context) {
    PG_ENSURE_ERROR_CLEANUP(leave, 0);
    { wait_for_changes(static_cast<Wait *>(context)); }
    PG_END_ENSURE_ERROR_CLEANUP(leave, 0);
    leave_listeners();
}

Datum answer(FunctionCallInfo fcinfo, const Wait &wait, uint64 seen) {
    ArrayBuildState *changed = new_column(OIDOID);
    int count = 0;
    for (int i = 0; i < wait.tables.count; i++)
        if (wait.changed[i]) {
            add_value(changed, ObjectIdGetDatum(wait.tables.oids[i]));
            count++;
        }
    TupleDesc shape;
    get_call_result_type(fcinfo, nullptr, &shape);
    Datum values[] = {Int64GetDatum(static_cast<int64>(seen)),
                      count > 0 ? whole_column(changed) : 0};
    bool nulls[] = {false, count == 0};
    return make_row(shape, values, nulls);
}

} // namespace

} // namespace ayb

using namespace ayb;

// wait_for_realtime(relations, timeout, INOUT seen, INOUT changed)
AYB_SQL_FUNCTION(ayb_jobs_wait_for_realtime) {
    require_waiting(fcinfo, "ayb_jobs_internal.wait_for_realtime()");
    refuse_in_copy();
    Wait wait{};
    wait.tables = tables_argument(fcinfo, 0);
    wait.until = wait_until(fcinfo, 1);
    wait.from_now = PG_ARGISNULL(2);
    wait.seen = wait.from_now ? 0 : static_cast<uint64>(PG_GETARG_INT64(2));
    wait.feeds = static_cast<int *>(palloc(wait.tables.count * sizeof(int)));
    wait.changed = static_cast<bool *>(palloc0(wait.tables.count * sizeof(bool)));
    wait.memory =
        AllocSetContextCreate(CurrentMemoryContext, "ayb_jobs listener", ALLOCSET_SMALL_SIZES);
    MemoryContext context = CurrentMemoryContext;
    in_waiting(wait_until_left, &wait);
    MemoryContextSwitchTo(context);
    PG_RETURN_DATUM(answer(fcinfo, wait, seen_by_now(wait)));
}
