#include "group/ways.hpp"

#include "base/answer.hpp"
#include "memory/crashed.hpp"
#include "memory/lanes.hpp"
#include "memory/slots.hpp"
#include "pg/books.hpp"
#include "pg/clock.hpp"

namespace ayb {

namespace {

constexpr int64 kRunsToEarn = 10;
// A type is quick while the average run takes this part of a group's budget: some five jobs share a
// commit then, which is about where that stops to matter.
constexpr double kQuickPart = 0.2;

bool in_future(TimestampTz instant) { return instant != 0 && instant > clock_now(); }

bool lane_is_leased(Oid role) {
    if (!OidIsValid(role))
        return false; // nobody's
    return in_future(lane_leased_until({MyDatabaseId, role}));
}

// How long a job may run, in milliseconds; 0 is for ever. What a role's own statement_timeout is
// only its sessions know.
int64 limit_of(const Handler &handler) {
    const int64 limit = handler.timeout_ms > 0 ? handler.timeout_ms : settings::job_timeout;
    const int64 own = my_slot() != nullptr ? StatementTimeout : 0;
    return own > 0 && (limit == 0 || own < limit) ? own : limit;
}

Why why_of(const Handler &handler, Oid role, const TypeRecord &record) {
    const int64 limit_ms = limit_of(handler);
    if (handler.kind != Kind::function)
        return Why::kind;
    if (!handler.grouped)
        return Why::registered;
    if (settings::group_size <= 1)
        return Why::size;
    if (limit_ms > 0 && limit_ms <= settings::group_budget)
        return Why::timeout;
    if (lane_is_leased(role))
        return Why::lane;
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

const char *strike_text(Strike strike) {
    switch (strike) {
    case Strike::overstay:
        return "a job of it ran longer than a group may";
    case Strike::failures:
        return "several of its jobs failed in one group";
    case Strike::commit:
        return "the commit of a group with jobs of it failed";
    case Strike::ended:
        return "a job of it ended its worker inside a group";
    case Strike::traces:
        return "a job of it left something in the session";
    case Strike::none:
        break;
    }
    return "";
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
    if (preloaded())
        each_type(MyDatabaseId, note_known, &all);
    return all;
}

void put_way(const Handler &handler, Oid role, ReturnSetInfo *result) {
    const TypeRecord record = type_record(MyDatabaseId, role, handler.type);
    const Way way = way_of(handler, role);
    Row row;
    row.add_text(handler.type);
    if (OidIsValid(role))
        row.add(ObjectIdGetDatum(role));
    else
        row.add_null();
    row.add_text(way.grouped ? "grouped" : "leased");
    row.add_text(why_text(way, record));
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
    const Why why = why_of(handler, role, record);
    return {why == Why::quick, why, record.handler_average};
}

const char *why_text(const Way &way, const TypeRecord &record) {
    switch (way.why) {
    case Why::quick:
        return settings::test_group_at_once ? "all are, for a test" : "its runs are quick";
    case Why::kind:
        return "only functions can be grouped";
    case Why::registered:
        return "it was registered with grouped => false";
    case Why::size:
        return "ayb_jobs.group_size is 1";
    case Why::timeout:
        return "its timeout is not above ayb_jobs.group_budget";
    case Why::crash:
        return "the server crashed less than a minute ago";
    case Why::lane:
        return "a worker of this role ended inside a group less than a minute ago";
    case Why::struck:
        return strike_text(record.last_strike);
    case Why::unmeasured:
        return psprintf("only " INT64_FORMAT " of " INT64_FORMAT " runs are measured", record.runs,
                        kRunsToEarn);
    case Why::slow:
        break;
    }
    return psprintf("its runs take %.1f ms", way.handler_average / 1000);
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

// ways() → setof
AYB_SQL_FUNCTION(ayb_jobs_ways) {
    Listing listing{all_known(), viewer(), begin_set(fcinfo)};
    if (preloaded())
        each_handler(list_handler, &listing);
    PG_RETURN_NULL();
}
