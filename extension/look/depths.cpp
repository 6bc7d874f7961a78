#include "look/depths.hpp"

#include "jobs/lane_scan.hpp"
#include "lanes/lanes.hpp"
#include "pg/arrays.hpp"
#include "pg/clock.hpp"
#include "pg/sql.hpp"

#include <algorithm>

namespace ayb {

namespace {

constexpr int64 kMinute = 60 * kMicrosecondsPerSecond;

// Two schedulers can share a minute (a restart in it): then the first one's look is kept.
Sql<At, OidArray, BigintArray, BigintArray, TimeArray, At> g_write{R"sql(
    INSERT INTO ayb_jobs.job_depths (minute, run_as, queued, running, oldest_due_seconds)
    SELECT $1, d.run_as::regrole, d.queued, d.running,
        extract(epoch FROM $6 - d.due)::double precision
    FROM unnest($2, $3, $4, $5) AS d (run_as, queued, running, due)
    ON CONFLICT (minute, run_as) DO NOTHING
)sql"};

struct Depth {
    Oid role;
    int64 queued;
    int64 running;
};

// Of the roles that have any, in the order of their numbers.
int look(Oid database, Depth *depths) {
    int count = 0;
    each_role(database, [&](const RoleLanes &role) {
        const int64 queued = role.counts[static_cast<int>(State::queued)];
        const int64 running = role.counts[static_cast<int>(State::running)];
        if ((queued > 0 || running > 0) && OidIsValid(role.key.role) && count < kMaxRoles)
            depths[count++] = {role.key.role, Max(queued, 0), Max(running, 0)};
    });
    std::sort(depths, depths + count,
              [](const Depth &one, const Depth &other) { return one.role < other.role; });
    return count;
}

void write(const Depth *depths, int count, TimestampTz now) {
    auto *roles = static_cast<Oid *>(palloc(count * sizeof(Oid)));
    auto *due = static_cast<TimestampTz *>(palloc(count * sizeof(TimestampTz)));
    std::transform(depths, depths + count, roles, [](const Depth &depth) { return depth.role; });
    find_oldest_due(roles, count, now, due);
    ArrayBuildState *run_as = new_column(OIDOID);
    ArrayBuildState *queued = new_column(INT8OID);
    ArrayBuildState *running = new_column(INT8OID);
    ArrayBuildState *oldest = new_column(TIMESTAMPTZOID);
    for (int i = 0; i < count; i++) {
        add_value(run_as, ObjectIdGetDatum(roles[i]));
        add_value(queued, Int64GetDatum(depths[i].queued));
        add_value(running, Int64GetDatum(depths[i].running));
        add_time(oldest, due[i]);
    }
    g_write.run(At{now - now % kMinute}, OidArray(whole_column(run_as)),
                BigintArray(whole_column(queued)), BigintArray(whole_column(running)),
                TimeArray(whole_column(oldest)), At{now});
}

} // namespace

void write_depths(const Database &database, TimestampTz now) {
    static TimestampTz seen; // the minute
    static Depth depths[kMaxRoles];
    const TimestampTz minute = now - now % kMinute;
    if (minute == seen || !database.counted)
        return;
    seen = minute;
    const int count = look(database.oid, depths);
    if (count > 0)
        in_own_books([count, now] { write(depths, count, now); });
}

} // namespace ayb
