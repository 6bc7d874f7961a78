// What has happened: the last events, the counts of the minute that goes on, and all since the
// start.
#include "base/answer.hpp"

#include "base/arguments.hpp"
#include "pg/arrays.hpp"
#include "records/events.hpp"
#include "records/type_stats.hpp"

namespace ayb {

namespace {

// Under the events' lock. Who pages through the events must not be stopped by a page of others'.
bool may_see_event(const Event &event, const void *context) {
    const auto *me = static_cast<const Viewer *>(context);
    return event.database == MyDatabaseId && me->sees(event.role);
}

void put_event(const Event &event, ReturnSetInfo *result) {
    Row row;
    row.add(Int64GetDatum(static_cast<int64>(event.seq)));
    row.add_time(event.at);
    row.add(uuid_datum(event.job));
    row.add_text(event.type);
    row.add(ObjectIdGetDatum(event.role));
    row.add_text(event.from < 0 ? "" : core::word_of(static_cast<State>(event.from)));
    row.add_text(core::word_of(static_cast<State>(event.to)));
    row.put(result);
}

void put_counts(const TypeCounts &counts, Row *row) {
    for (const int64 count :
         {counts.completed, counts.failed, counts.retried, counts.lost, counts.canceled})
        row->add(Int64GetDatum(count));
    row->add(bigint_array(counts.wait));
    row->add(bigint_array(counts.run));
    row->add(Int64GetDatum(counts.snoozed));
}

void put_minute(const TypeStats &stats, ReturnSetInfo *result) {
    Row row;
    row.add_time(stats.minute);
    row.add(ObjectIdGetDatum(stats.key.role));
    row.add(CStringGetTextDatum(stats.type));
    put_counts(stats, &row);
    row.put(result);
}

} // namespace

} // namespace ayb

using namespace ayb;

// events(since, max_events) → setof
AYB_SQL_FUNCTION(ayb_jobs_events) {
    const Viewer me = viewer(Right::read);
    ReturnSetInfo *result = begin_set(fcinfo);
    if (!preloaded())
        PG_RETURN_NULL();
    const int64 since = PG_GETARG_INT64(0);
    const int room = Min(Max(PG_GETARG_INT32(1), 0), kEventRing);
    auto *events = static_cast<Event *>(palloc((room + 1) * sizeof(Event)));
    const int count =
        read_events(static_cast<uint64>(Max(since, 0)), may_see_event, &me, events, room);
    for (int i = 0; i < count; i++)
        put_event(events[i], result);
    PG_RETURN_NULL();
}

// event_span() → setof (first, oldest, newest): one row, or none without shared memory
AYB_SQL_FUNCTION(ayb_jobs_event_span) {
    ReturnSetInfo *result = begin_set(fcinfo);
    if (!preloaded())
        PG_RETURN_NULL();
    const EventSpan span = event_span();
    Row row;
    row.add(Int64GetDatum(static_cast<int64>(span.first)));
    row.add(Int64GetDatum(static_cast<int64>(span.oldest)));
    row.add(Int64GetDatum(static_cast<int64>(span.newest)));
    row.put(result);
    PG_RETURN_NULL();
}

// current_minutes() → setof job_minutes: what is not yet in the table
AYB_SQL_FUNCTION(ayb_jobs_current_minutes) {
    const Viewer me = viewer(Right::read);
    ReturnSetInfo *result = begin_set(fcinfo);
    if (!preloaded())
        PG_RETURN_NULL();
    auto *entries = static_cast<TypeStats *>(palloc(most_types() * sizeof(TypeStats)));
    const int count = take_minutes(MyDatabaseId, DT_NOEND, true, entries);
    for (int i = 0; i < count; i++)
        if (me.sees(entries[i].key.role))
            put_minute(entries[i], result);
    PG_RETURN_NULL();
}

// totals() → setof (place, type, counts): since the server started
AYB_SQL_FUNCTION(ayb_jobs_totals) {
    ReturnSetInfo *result = begin_set(fcinfo);
    if (!preloaded())
        PG_RETURN_NULL();
    auto *totals = static_cast<TypeTotals *>(palloc(most_totals() * sizeof(TypeTotals)));
    const int count = read_totals(MyDatabaseId, totals);
    for (int i = 0; i < count; i++) {
        Row row;
        row.add(Int32GetDatum(totals[i].place));
        row.add(CStringGetTextDatum(totals[i].type));
        put_counts(totals[i], &row);
        row.add(Int64GetDatum(totals[i].wait_sum));
        row.add(Int64GetDatum(totals[i].run_sum));
        row.put(result);
    }
    PG_RETURN_NULL();
}
