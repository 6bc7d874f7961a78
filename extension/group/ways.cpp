#include "group/ways.hpp"

#include "base/answer.hpp"
#include "lease/run.hpp"
#include "memory/crashed.hpp"
#include "memory/slots.hpp"
#include "pg/books.hpp"
#include "pg/clock.hpp"

namespace ayb {

namespace {

constexpr int64 kRunsToEarn = 10;
// A type is quick while the average run takes this part of a group's budget: some five jobs share a
// commit then, which is about where that stops to matter.
constexpr double kQuickPart = 0.2;

bool in_future(TimestampTz instant) { return instant > clock_now(); }

// Whether a job that may run so long, in milliseconds, would have to be canceled before the group's
// budget is over; 0 is for ever.
bool ends_before_a_group(int64 limit_ms) {
    return limit_ms > 0 && limit_ms <= settings::group_budget;
}

// A role's own statement_timeout is known to its sessions only.
int64 own_limit() { return my_slot() != nullptr ? StatementTimeout : 0; }

Why why_of(const Handler &handler, const TypeRecord &record) {
    if (handler.kind != Kind::function)
        return Why::kind;
    if (!handler.grouped)
        return Why::registered;
    if (settings::group_size <= 1)
        return Why::size;
    if (ends_before_a_group(time_limit(handler)) || ends_before_a_group(own_limit()))
        return Why::timeout;
    if (in_future(record.leased_until))
        return Why::struck;
    if (settings::test_group_at_once)
        return Why::quick;
    if (in_future(crash_suspected_until()))
        return Why::crash;
    if (record.runs < kRunsToEarn)
        return Why::unmeasured;
    const double quick = kQuickPart * settings::group_budget * kMicrosecondsPerMillisecond;
    return record.handler_average > quick ? Why::slow : Why::quick;
}

// In the order of Strike.
constexpr const char *kStrikes[] = {"",
                                    "a job of it ran longer than a group may",
                                    "several of its jobs failed in one group",
                                    "the commit of a group with jobs of it failed",
                                    "a job of it ended its worker inside a group",
                                    "a job of it left something in the session"};

// In the order of Why, of those that say all by themselves.
constexpr const char *kReasons[] = {"its runs are quick",
                                    "only functions can be grouped",
                                    "it was registered with grouped => false",
                                    "ayb_jobs.group_size is 1",
                                    "its timeout is not above ayb_jobs.group_budget",
                                    "the server crashed less than a minute ago"};

// The reason as a person reads it, palloc'd where it has a number.
const char *why_text(const Way &way) {
    const TypeRecord &record = way.record;
    if (way.why == Why::struck)
        return kStrikes[static_cast<int>(record.last_strike)];
    if (way.why == Why::unmeasured)
        return psprintf("only " INT64_FORMAT " of " INT64_FORMAT " runs are measured", record.runs,
                        kRunsToEarn);
    if (way.why == Why::slow)
        return psprintf("its runs take %.1f ms", record.handler_average / 1000);
    return kReasons[static_cast<int>(way.why)];
}

// A type as shared memory knows it for one role.
struct Known {
    char type[kTypeBytes];
    Oid role;
};

struct AllKnown {
    Known *types;
    int count;
};

// Under a lock.
void note_known(const TypeStats &stats, void *context) {
    auto *all = static_cast<AllKnown *>(context);
    if (all->count == kMaxTypes)
        return;
    Known &known = all->types[all->count++];
    strlcpy(known.type, stats.type, kTypeBytes);
    known.role = stats.key.role;
}

AllKnown all_known() {
    AllKnown all{static_cast<Known *>(palloc(kMaxTypes * sizeof(Known))), 0};
    each_type(MyDatabaseId, note_known, &all);
    return all;
}

void put_way(const Handler &handler, Oid role, ReturnSetInfo *result) {
    const Way way = way_of(handler, role);
    const TypeRecord &record = way.record;
    Row row;
    row.add_text(handler.type);
    if (OidIsValid(role))
        row.add(ObjectIdGetDatum(role));
    else
        row.add_null();
    row.add_text(way.grouped ? "grouped" : "leased");
    row.add_text(why_text(way));
    row.add(Int64GetDatum(record.grouped));
    if (record.runs > 0)
        row.add(Float8GetDatum(record.handler_average / kMicrosecondsPerMillisecond));
    else
        row.add_null();
    row.add(Int32GetDatum(record.strikes));
    row.add_time(way.why == Why::struck ? record.leased_until : 0);
    row.put(result);
}

struct Listing {
    AllKnown all;
    Viewer me;
    ReturnSetInfo *result;
};

// A line for each role that has run the type, or one for nobody.
void list_handler(const Handler &handler, void *context) {
    const auto *listing = static_cast<Listing *>(context);
    bool any = false;
    for (int i = 0; i < listing->all.count; i++) {
        const Known &known = listing->all.types[i];
        if (!listing->me.sees(known.role) || strcmp(known.type, handler.type) != 0)
            continue;
        put_way(handler, known.role, listing->result);
        any = true;
    }
    if (!any)
        put_way(handler, InvalidOid, listing->result);
}

} // namespace

Way way_of(const Handler &handler, Oid role) {
    const TypeRecord record = type_record(MyDatabaseId, role, handler.type);
    const Why why = why_of(handler, record);
    return {why == Why::quick, why, record};
}

ArrayType *grouped_types(Oid role) {
    const AllKnown all = all_known();
    ArrayBuildState *types = initArrayResult(TEXTOID, CurrentMemoryContext, false);
    for (int i = 0; i < all.count; i++) {
        const Handler *handler =
            all.types[i].role == role ? find_handler(all.types[i].type) : nullptr;
        if (handler != nullptr && way_of(*handler, role).grouped)
            types = accumArrayResult(types, CStringGetTextDatum(all.types[i].type), false, TEXTOID,
                                     CurrentMemoryContext);
    }
    return DatumGetArrayTypeP(makeArrayResult(types, CurrentMemoryContext));
}

} // namespace ayb

using namespace ayb;

// execution_modes() → setof
AYB_SQL_FUNCTION(ayb_jobs_execution_modes) {
    ReturnSetInfo *result = begin_set(fcinfo);
    if (!preloaded())
        PG_RETURN_NULL();
    Listing listing{all_known(), viewer(Right::read), result};
    each_handler(list_handler, &listing);
    PG_RETURN_NULL();
}
