#include "jobs/floor.hpp"

#include "base/arguments.hpp"
#include "memory/lanes.hpp"
#include "pg/books.hpp"

namespace ayb {

namespace {

constexpr int kLookEvery = 8; // claims of one job

Statement s_first{"SELECT q.run_at, q.id FROM ayb_jobs.job_queue AS q WHERE q.run_as = $1"
                  " AND q.state = 'queued' AND q.waits_for IS NULL" AYB_FROM_FLOOR(
                      "$2", "$3") " ORDER BY q.run_at, q.id LIMIT 1",
                  3,
                  {OIDOID, TIMESTAMPTZOID, UUIDOID},
                  nullptr};

Position first_queued(Oid role, const Position &from) {
    Parameters parameters;
    parameters.set(1, ObjectIdGetDatum(role)).set_time(2, from.run_at).set(3, uuid_datum(from.id));
    if (run_statement(s_first, parameters) == 0)
        return kEnd;
    bool null;
    return Position{time_column(0, 1, DT_NOEND), uuid_value(column(0, 2, &null))};
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
