#include "look/outside.hpp"

#include "handlers/handlers.hpp"
#include "pg/arrays.hpp"
#include "pg/sql.hpp"
#include "waiters/waiters.hpp"

namespace ayb {

namespace {

// By the rows that they hold: the index of leases has no others. In the order of the columns of
// workers() from the second on, without `state` and `is_outside`.
Sql<bool, OidArray> g_holders{R"sql(
    SELECT h.worker_id, h.role, h.since, q.id, q.type, q.runs, q.last_run_at,
        (q.progress ->> 'percent')::integer, q.progress ->> 'note', h.types, h.jobs, h.lease_until,
        h.last_seen_at
    FROM (
        SELECT r.worker_id, r.claimed_by::oid AS role, min(r.last_run_at) AS since,
            array_agg(DISTINCT r.type::text) AS types, count(*)::integer AS jobs,
            min(r.lease_until) AS lease_until, max(r.updated_at) AS last_seen_at,
            (array_agg(r.id ORDER BY r.last_run_at, r.id))[1] AS first
        FROM ayb_jobs.job_queue AS r
        WHERE r.state = 'running' AND r.waits_for = 'external'
            AND ($1 OR r.run_as = ANY ($2) OR r.claimed_by = ANY ($2))
        GROUP BY r.worker_id, r.claimed_by) AS h
    JOIN ayb_jobs.job_queue AS q ON q.id = h.first
)sql"};

constexpr int kJobColumns = 6; // from job_id to note

// Sessions that wait; what is shown already has no pid.
struct Waiting {
    SeenWaiter *list;
    int count;
};

Waiting who_waits(const Viewer &me) {
    Waiting waiting{nullptr, 0};
    if (!preloaded())
        return waiting;
    int all;
    waiting.list = copy_waiters(MyDatabaseId, &all);
    for (int i = 0; i < all; i++)
        if (me.sees(waiting.list[i].role))
            waiting.list[waiting.count++] = waiting.list[i];
    return waiting;
}

// The session in which a worker waits for more, beside what it holds.
SeenWaiter *session_of(const Waiting &waiting, Oid role, const char *name) {
    for (int i = 0; i < waiting.count; i++)
        if (waiting.list[i].pid != 0 && waiting.list[i].role == role &&
            strcmp(waiting.list[i].name, name) == 0)
            return &waiting.list[i];
    return nullptr;
}

void add_column_to(Row *row, uint64 from, int number) {
    Datum value;
    if (is_null(from, number)) {
        row->add_null();
        return;
    }
    read_column(from, number, &value);
    row->add(value);
}

// Inside the books.
void put_holder(uint64 from, const Waiting &waiting, TimestampTz now, ReturnSetInfo *result) {
    const char *name = "";
    Oid role = InvalidOid;
    read_row(from, &name, &role);
    SeenWaiter *session = session_of(waiting, role, name);
    Row row;
    if (session != nullptr)
        row.add(Int32GetDatum(session->pid));
    else
        row.add_null();
    int number = 0;
    while (number < 2)
        add_column_to(&row, from, ++number);
    row.add_text("running");
    while (number < 3 + kJobColumns)
        add_column_to(&row, from, ++number);
    row.add(BoolGetDatum(true));
    while (number < 3 + kJobColumns + 4)
        add_column_to(&row, from, ++number);
    if (session != nullptr) {
        row.values[row.count - 1] = TimestampTzGetDatum(now);
        session->pid = 0;
    }
    row.put(result);
}

// A type that somebody may wait for; by its hash, which is what shared memory knows of it.
struct Name {
    uint64 hash;
    const char *type;
};

struct Names {
    Name *list;
    int count;
    int room;
};

void add_name(const Handler &handler, void *context) {
    auto *names = static_cast<Names *>(context);
    if (handler.kind != Kind::external)
        return;
    if (names->count == names->room) {
        names->room *= 2;
        names->list = static_cast<Name *>(repalloc(names->list, names->room * sizeof(Name)));
    }
    names->list[names->count++] = {hash_of_type(handler.type), pstrdup(handler.type)};
}

Names external_types() {
    constexpr int kRoom = 64;
    Names names{static_cast<Name *>(palloc(kRoom * sizeof(Name))), 0, kRoom};
    each_handler(add_name, &names);
    return names;
}

// NULL where it waits for more than are known one by one.
void add_types(const Wanted &wanted, const Names &names, Row *row) {
    if (wanted.too_many) {
        row->add_null();
        return;
    }
    ArrayBuildState *types = new_column(TEXTOID);
    for (int i = 0; i < names.count; i++)
        for (int of = 0; of < wanted.type_count; of++)
            if (wanted.types[of] == names.list[i].hash)
                add_text(types, names.list[i].type);
    row->add(whole_column(types));
}

void put_waiter(const SeenWaiter &waiter, const Names &names, TimestampTz now,
                ReturnSetInfo *result) {
    Row row;
    row.add(Int32GetDatum(waiter.pid));
    row.add_text(waiter.name);
    row.add(ObjectIdGetDatum(waiter.role));
    row.add_text("waiting");
    row.add_time(waiter.since);
    row.count += kJobColumns;
    row.add(BoolGetDatum(true));
    add_types(waiter.wanted, names, &row);
    row.add(Int32GetDatum(0));
    row.add_null();
    row.add_time(now);
    row.put(result);
}

} // namespace

void put_outside(const Viewer &me, ReturnSetInfo *result) {
    const Waiting waiting = who_waits(me);
    const TimestampTz now = GetCurrentTimestamp();
    in_books([&] {
        const uint64 holders = g_holders.run(me.all, OidArray(me.array));
        for (uint64 row = 0; row < holders; row++)
            put_holder(row, waiting, now, result);
    });
    const Names names = waiting.count > 0 ? external_types() : Names{};
    for (int i = 0; i < waiting.count; i++)
        if (waiting.list[i].pid != 0)
            put_waiter(waiting.list[i], names, now, result);
}

} // namespace ayb
