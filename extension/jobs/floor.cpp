#include "jobs/floor.hpp"

#include "memory/lanes.hpp"
#include "pg/sql.hpp"

namespace ayb {

namespace {

constexpr int kLookEvery = 8; // claims of one job

Sql<Oid, At, core::Uuid> g_first{R"sql(
    SELECT q.run_at, q.id
    FROM ayb_jobs.job_queue AS q
    WHERE q.run_as = $1 AND q.state = 'queued' AND q.waits_for IS NULL
        AND (q.run_at, q.id) >= ($2, $3)
    ORDER BY q.run_at, q.id
    LIMIT 1
)sql"};

Position first_queued(Oid role, const Position &from) {
    Position first = kEnd;
    if (g_first.run(role, At{from.run_at}, from.id) > 0)
        read_row(0, &first.run_at, &first.id);
    return first;
}

Position raise_to_first(Oid role, const LaneMark &mark) {
    raise_lane_floor({MyDatabaseId, role}, mark, first_queued(role, mark.at));
    return mark_lane({MyDatabaseId, role}).at;
}

} // namespace

Position lane_floor(Oid role, bool look) {
    const LaneMark mark = mark_lane({MyDatabaseId, role});
    return look ? raise_to_first(role, mark) : mark.at;
}

Position lane_floor_for_one(Oid role) {
    static int claims = 0;
    static Position last = kEnd;
    const LaneMark mark = mark_lane({MyDatabaseId, role});
    const bool lowered = mark.at < last; // to what may be a long way before the first job
    last = lowered || claims++ % kLookEvery == 0 ? raise_to_first(role, mark) : mark.at;
    return last;
}

} // namespace ayb
