#include "schedule/clock.hpp"

#include "pg/clock.hpp"
#include "pg/sql.hpp"
#include "schedule/rule.hpp"

namespace ayb {

namespace {

// What happened later than that, happened before the clock was set back.
constexpr int64 kFuture = 30 * 60 * kMicrosecondsPerSecond;

Sql<At> g_schedules{R"sql(
    SELECT s.id, s.cron_expr, s.timezone
    FROM ayb_jobs.schedules AS s
    WHERE s.enabled
        AND greatest(s.updated_at, s.last_run_at, (s.last_skip ->> 'at')::timestamptz) > $1
    FOR UPDATE SKIP LOCKED
)sql"};
Sql<core::Uuid, std::optional<At>, At> g_move{R"sql(
    UPDATE ayb_jobs.schedules AS s
    SET next_run_at = $2, last_run_at = least(s.last_run_at, $3), updated_at = $3, last_skip = NULL
    WHERE s.id = $1
)sql"};
Sql<At, At> g_leases{R"sql(
    WITH ahead AS MATERIALIZED (
        SELECT q.id
        FROM ayb_jobs.job_queue AS q
        WHERE q.state = 'running' AND q.lease_until > $2 AND q.last_run_at > $2
        FOR UPDATE SKIP LOCKED
    )
    UPDATE ayb_jobs.job_queue AS q
    SET lease_until = $1 + (q.lease_until - q.last_run_at), last_run_at = $1, updated_at = $1
    FROM ahead AS a WHERE q.id = a.id
)sql"};
Sql<At, At> g_retries{R"sql(
    WITH ahead AS MATERIALIZED (
        SELECT q.id
        FROM ayb_jobs.job_queue AS q
        WHERE q.state = 'queued' AND q.attempts > 0 AND q.run_at > $2 AND q.updated_at > $2
        FOR UPDATE SKIP LOCKED
    )
    UPDATE ayb_jobs.job_queue AS q
    SET run_at = $1 + greatest(q.run_at - q.updated_at, '0'), updated_at = $1
    FROM ahead AS a WHERE q.id = a.id
)sql"};

// Now, where the rule or the zone isn't known any more: the tick says so.
std::optional<At> next_of(const char *cron, const char *zone_name, TimestampTz now) {
    core::CronRule rule{};
    CoreFailure failure;
    pg_tz *zone = find_zone(zone_name);
    if (zone == nullptr || !parse_rule(cron, &rule, &failure))
        return At{now};
    const TimestampTz next = next_tick(rule, zone, now);
    return TIMESTAMP_IS_NOEND(next) ? std::nullopt : std::make_optional(At{next});
}

struct Rule {
    core::Uuid id;
    const char *cron;
    const char *zone;
};

void move_schedules(TimestampTz now) {
    const uint64 count = g_schedules.run(At{later(now, kFuture)});
    auto *rules = static_cast<Rule *>(palloc0((count + 1) * sizeof(Rule)));
    for (uint64 row = 0; row < count; row++)
        read_row(row, &rules[row].id, &rules[row].cron, &rules[row].zone);
    for (uint64 row = 0; row < count; row++)
        g_move.run(rules[row].id, next_of(rules[row].cron, rules[row].zone, now), At{now});
}

} // namespace

void forget_future(TimestampTz now) {
    in_own_books([now] {
        move_schedules(now);
        g_leases.run(At{now}, At{later(now, kFuture)});
        g_retries.run(At{now}, At{later(now, kFuture)});
    });
}

} // namespace ayb
