#include "handlers/bond.hpp"

#include "base/arguments.hpp"
#include "base/columns.hpp"
#include "pg/clock.hpp"
#include "pg/sql.hpp"
#include "pg/transaction.hpp"

namespace ayb {

namespace {

constexpr int kBatch = 1000;

Sql<UuidArray, At> g_wait{R"sql(
    UPDATE ayb_jobs.job_queue AS q SET waits_for = 'trust', updated_at = $2 WHERE q.id = ANY ($1)
)sql"};
Sql<> g_distrusted{R"sql(
    SELECT d.type, d.run_as, d.registration, d.enqueued_by FROM ayb_jobs_internal.distrusted() AS d
)sql"};
Sql<const char *, core::Uuid, Oid, Oid, At, int> g_release{R"sql(
    WITH carried AS (
        SELECT q.id
        FROM ayb_jobs.job_queue AS q
        WHERE q.state = 'queued' AND q.waits_for = 'trust' AND q.type = $1 AND q.registration = $2
            AND q.enqueued_by = $3 AND q.run_as = $4
        LIMIT $6
        FOR UPDATE SKIP LOCKED
    )
    UPDATE ayb_jobs.job_queue AS q SET waits_for = NULL, updated_at = $5
    FROM carried AS c WHERE q.id = c.id
)sql"};

// What one transaction came to.
struct Released {
    uint64 rows;
    bool any; // jobs that are carried
};

Released release_some() {
    Released released{};
    int count = 0;
    const Distrusted *all = copy_distrusted(&count);
    for (int i = 0; i < count && released.rows < kBatch; i++) {
        const Distrusted &one = all[i];
        if (doubt_of_bond(find_handler(one.type), one.bond, one.run_as) != Doubt::none)
            continue;
        released.any = true;
        released.rows += in_books([&] {
            return g_release.run(one.type, one.bond.registration, one.bond.enqueued_by, one.run_as,
                                 At{clock_now()}, kBatch - static_cast<int>(released.rows));
        });
    }
    return released;
}

} // namespace

std::optional<Bond> bond_of(TupleTableSlot *row) {
    if (slot_attisnull(row, kRegistration))
        return std::nullopt;
    bool null;
    return Bond{uuid_value(slot_getattr(row, kRegistration, &null)),
                DatumGetObjectId(slot_getattr(row, kEnqueuedBy, &null))};
}

bool is_carried(TupleTableSlot *row, const char *type, Oid run_as) {
    const std::optional<Bond> bond = bond_of(row);
    return !bond || doubt_of_bond(find_handler(type), *bond, run_as) == Doubt::none;
}

void let_wait_for_trust(const Datum *ids, int count) {
    in_books([&] { g_wait.run(UuidArray(uuid_array(ids, count)), At{clock_now()}); });
}

Distrusted *copy_distrusted(int *count) {
    MemoryContext context = CurrentMemoryContext;
    return in_books([&] {
        *count = static_cast<int>(g_distrusted.run());
        auto *all = static_cast<Distrusted *>(
            MemoryContextAllocZero(context, (*count + 1) * sizeof(Distrusted)));
        for (int row = 0; row < *count; row++)
            read_row(row, &all[row].type, &all[row].run_as, &all[row].bond.registration,
                     &all[row].bond.enqueued_by);
        return all;
    });
}

bool release_carried() {
    Released released;
    do
        released = in_transaction(release_some);
    while (released.rows > 0);
    return !released.any;
}

} // namespace ayb
