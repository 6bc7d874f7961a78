// realtime_changes(): what happened to tables since a position, as a subscriber may see it.
#include "base/answer.hpp"
#include "base/arguments.hpp"
#include "base/stamp.hpp"
#include "pg/arrays.hpp"
#include "realtime/look.hpp"
#include "realtime/seal.hpp"
#include "realtime/tables.hpp"

namespace ayb {

namespace {

constexpr int kMostRows = 10000;
constexpr Size kBufferBytes = 1024 * 1024;

struct Call {
    Subscriber subscriber;
    TableList tables;
    Listened *listened;
    int *feeds;
    uint64 rights;
    int most;
    ReturnSetInfo *result;

    Binding binding() const {
        return {subscriber.role, subscriber.settings, tables.oids, tables.count};
    }
};

void check_session() {
    PreventCommandDuringRecovery("ayb_jobs.realtime_changes()");
    require_feeds();
    refuse_in_copy();
    if (IsolationUsesXactSnapshot())
        ereport(ERROR, (errcode(ERRCODE_ACTIVE_SQL_TRANSACTION),
                        errmsg("changes are looked at under READ COMMITTED only")));
    if (InSecurityRestrictedOperation())
        ereport(ERROR, (errcode(ERRCODE_INSUFFICIENT_PRIVILEGE),
                        errmsg("a policy can't ask for changes")));
}

int most_argument(FunctionCallInfo fcinfo, int number) {
    require_argument(fcinfo, number, "max_rows");
    const int most = PG_GETARG_INT32(number);
    if (most < 1 || most > kMostRows)
        refuse_argument("max_rows", psprintf("max_rows can't be %d", most), "It is 1 to 10000.");
    return most;
}

// Before the positions are looked at: from here on everything is captured.
void listen(Call *call) {
    const int count = call->tables.count;
    call->listened = static_cast<Listened *>(palloc0(count * sizeof(Listened)));
    call->feeds = static_cast<int *>(palloc(count * sizeof(int)));
    for (int i = 0; i < count; i++) {
        Listened *table = &call->listened[i];
        if (!open_listened(call->tables.oids[i], table) ||
            !prepare_for(table, call->subscriber.role))
            refuse_table(call->tables.oids[i]);
        call->feeds[i] = require_feed(table->table, table->definition);
    }
}

struct Answer {
    const char *action;
    Oid table; // InvalidOid for none
    Datum record;
    const char *reason; // null for none
    uint64 seq;
    TimestampTz at;
};

void put(const Call &call, const Answer &answer) {
    Row row;
    row.add(CStringGetTextDatum(answer.action));
    if (OidIsValid(answer.table))
        row.add(ObjectIdGetDatum(answer.table));
    else
        row.add_null();
    if (answer.record != 0)
        row.add(answer.record);
    else
        row.add_null();
    row.add_text(answer.reason != nullptr ? answer.reason : "");
    row.add(CStringGetTextDatum(seal({answer.seq, call.rights}, call.binding())));
    row.add_time(answer.at);
    row.put(call.result);
}

void put_position(const Call &call, uint64 seq, bool more) {
    put(call, {"position", InvalidOid, 0, more ? "more" : nullptr, seq, GetCurrentTimestamp()});
}

void put_resyncs(const Call &call, const char *reason) {
    const uint64 seq = last_event();
    for (int i = 0; i < call.tables.count; i++)
        put(call, {"resync", call.tables.oids[i], 0, reason, seq, GetCurrentTimestamp()});
    put_position(call, seq, false);
}

const char *word_of(Told what) {
    switch (what) {
    case Told::created:
        return "create";
    case Told::updated:
        return "update";
    case Told::deleted:
        return "delete";
    default:
        return "resync";
    }
}

// Of several resyncs of a table one behind the other one is enough.
bool is_said(const Look &look, int number) {
    const Telling &telling = look.tellings[number];
    for (int i = number - 1; telling.what == Told::resync && i >= 0; i--)
        if (look.tellings[i].table == telling.table)
            return look.tellings[i].what == Told::resync &&
                   strcmp(look.tellings[i].reason, telling.reason) == 0;
    return false;
}

void put_tellings(const Call &call, const Look &look) {
    for (int i = 0; i < look.count; i++) {
        const Telling &telling = look.tellings[i];
        if (!is_said(look, i))
            put(call, {word_of(telling.what), call.tables.oids[telling.table], telling.record,
                       telling.reason, telling.seq, telling.at});
    }
}

void go_on_from(const Call &call, uint64 since) {
    auto *items = static_cast<FeedItem *>(palloc(call.most * sizeof(FeedItem)));
    auto *buffer = static_cast<char *>(palloc(kBufferBytes));
    uint64 until;
    const int count = read_feeds(call.feeds, call.tables.count, since, items, call.most, buffer,
                                 kBufferBytes, &until);
    Look look{};
    look.subscriber = &call.subscriber;
    look.tables = call.listened;
    look.items = items;
    look.item_count = count;
    look.tellings = static_cast<Telling *>(palloc((2 * count + 1) * sizeof(Telling)));
    look.memory = CurrentMemoryContext;
    look_at_items(&look);
    if (rights_of(call.subscriber.role) != call.rights) {
        put_resyncs(call, "rights"); // while it was looking
        return;
    }
    put_tellings(call, look);
    put_position(call, until,
                 count > 0 && items[count - 1].event.seq == until && until < last_event());
}

void answer(const Call &call, const char *since) {
    Mark mark{};
    if (since == nullptr)
        put_position(call, last_event(), false);
    else if (!unseal(since, call.binding(), &mark))
        put_resyncs(call, "lost");
    else if (mark.rights != call.rights)
        put_resyncs(call, "rights");
    else
        go_on_from(call, mark.seq);
}

void answer_in_time(Call *call, const char *since) {
    listen(call);
    call->rights = rights_of(call->subscriber.role);
    answer(*call, since);
    for (int i = 0; i < call->tables.count; i++)
        close_listened(call->listened[i]);
}

} // namespace

} // namespace ayb

using namespace ayb;

// realtime_changes(since, as_role, settings, relations, max_rows)
AYB_SQL_FUNCTION(ayb_jobs_realtime_changes) {
    check_session();
    Call call{};
    call.subscriber = subscriber_arguments(fcinfo, 1, 2);
    call.tables = tables_argument(fcinfo, 3);
    call.most = most_argument(fcinfo, 4);
    const char *since = text_argument(fcinfo, 0);
    call.result = begin_set(fcinfo);
    start_budget();
    PG_TRY();
    { answer_in_time(&call, since); }
    PG_FINALLY();
    { stop_budget(); }
    PG_END_TRY();
    PG_RETURN_NULL();
}
