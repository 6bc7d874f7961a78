#include "look/minutes.hpp"

#include "pg/arrays.hpp"
#include "pg/clock.hpp"
#include "pg/sql.hpp"
#include "records/type_stats.hpp"

namespace ayb {

namespace {

constexpr int64 kMinute = 60 * kMicrosecondsPerSecond;

// Two schedulers can share a minute (a restart in it): then the counts are added up.
using WriteMinute =
    Sql<At, Oid, const char *, int64, int64, int64, int64, int64, BigintArray, BigintArray, int64>;
WriteMinute g_write{R"sql(
    INSERT INTO ayb_jobs.job_minutes AS m (minute, run_as, type, completed, failed, retried, lost,
        canceled, wait_time, run_time, snoozed)
    VALUES ($1, $2, $3, $4, $5, $6, $7, $8, $9, $10, $11)
    ON CONFLICT (minute, run_as, type) DO UPDATE
    SET completed = m.completed + excluded.completed, failed = m.failed + excluded.failed,
        retried = m.retried + excluded.retried, lost = m.lost + excluded.lost,
        canceled = m.canceled + excluded.canceled, snoozed = m.snoozed + excluded.snoozed,
        wait_time = (
            SELECT array_agg(a + b ORDER BY n)
            FROM unnest(m.wait_time, excluded.wait_time) WITH ORDINALITY AS u (a, b, n)
        ),
        run_time = (
            SELECT array_agg(a + b ORDER BY n)
            FROM unnest(m.run_time, excluded.run_time) WITH ORDINALITY AS u (a, b, n)
        )
)sql"};

void write_one(const TypeStats &stats) {
    g_write.run(At{stats.minute}, stats.key.role, stats.type, stats.completed, stats.failed,
                stats.retried, stats.lost, stats.canceled, BigintArray(bigint_array(stats.wait)),
                BigintArray(bigint_array(stats.run)), stats.snoozed);
}

void write_all(const TypeStats *entries, int count) {
    in_own_books([=] {
        for (int i = 0; i < count; i++)
            write_one(entries[i]);
    });
}

} // namespace

void write_minutes(TimestampTz now, bool all) {
    auto *entries = static_cast<TypeStats *>(
        MemoryContextAlloc(TopMemoryContext, most_types() * sizeof(TypeStats)));
    const TimestampTz before = all ? DT_NOEND : now - now % kMinute;
    const int count = take_minutes(MyDatabaseId, before, false, entries);
    PG_TRY();
    {
        if (count > 0)
            write_all(entries, count);
    }
    PG_CATCH();
    {
        return_minutes(entries, count);
        pfree(entries);
        PG_RE_THROW();
    }
    PG_END_TRY();
    pfree(entries);
}

} // namespace ayb
