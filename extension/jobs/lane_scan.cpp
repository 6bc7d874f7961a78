#include "jobs/lane_scan.hpp"

#include "handlers/judge.hpp"
#include "jobs/key_order.hpp"
#include "jobs/lane_rows.hpp"
#include "jobs/lane_walk.hpp"
#include "lanes/counts.hpp"
#include "memory/configuration.hpp"
#include "pg/clock.hpp"
#include "pg/sql.hpp"

#include <algorithm>

namespace ayb {

namespace {

constexpr int kMostKeys = 1000;      // of a lane, that are looked at for the oldest job
constexpr int kMostStrangers = 1000; // types without a handler that are passed over one by one

Sql<> g_counts{R"sql(
    SELECT q.run_as::oid, q.state, count(*) FROM ayb_jobs.job_queue AS q GROUP BY 1, 2
    UNION ALL
    SELECT h.run_as::oid, 'completed', count(*) FROM ayb_jobs.job_history AS h GROUP BY 1
)sql"};

void enter_counts() {
    const uint64 rows = g_counts.run();
    for (uint64 row = 0; row < rows; row++) {
        Oid role = InvalidOid;
        State state = State::queued;
        int64 jobs = 0;
        read_row(row, &role, &state, &jobs);
        enter_count({MyDatabaseId, role}, state, jobs);
    }
}

// One snapshot, which the journal is compared with. Not a part of what longjmp comes back to.
pg_noinline bool count_in_transaction(Database *database) {
    return in_transaction(
        [database] {
            in_books(enter_counts);
            const bool right = finish_count(MyDatabaseId, GetActiveSnapshot());
            end_recount(database, right);
            return right;
        },
        [] { XactIsoLevel = XACT_REPEATABLE_READ; });
}

// Of two types at the same place one at most is registered: that one's jobs are looked for, also
// where the first row is of the other. False where it has none in this lane.
bool prefer_registered(LanePick *lane) {
    if (find_handler(lane->type) != nullptr)
        return true;
    LanePick other = *lane;
    const bool found = in_books([&] {
        if (!registered_beside(lane->type, &other.type))
            return false;
        other.mark.at = first_queued(other, kBegin);
        return true;
    });
    if (found)
        *lane = other;
    return lane->mark.at < kEnd;
}

// Calls `visit(const LanePick &)` for each lane in the indexes that isn't known, of one role and
// type or, for InvalidOid and null, of all; it says what is passed over then.
template <typename Visit>
void each_unknown(const Known &known, Oid role, const char *type, Visit visit) {
    for (const bool keyed : {false, true}) {
        LaneWalk walk{};
        LanePick found;
        Past past = Past::lane;
        if (!begin_walk(&walk, known, role, type, keyed))
            continue;
        while (next_lane(&walk, past, &found)) {
            CHECK_FOR_INTERRUPTS();
            past = prefer_registered(&found) ? visit(found) : Past::lane;
        }
        end_walk(&walk);
    }
}

Past tell_lane(const LanePick &lane) {
    lower_lane(lane.key(), lane.mark.at);
    return Past::lane;
}

// Roles that have invented types without a handler by the thousand. Nobody else waits while they
// are passed over one by one: their lanes are looked for by the types that have one.
struct Strangers {
    List *crowded;
    Oid role;
    int count;
};

Past find_one(const LanePick &lane, Strangers *strangers) {
    if (find_handler(lane.type) != nullptr)
        return tell_lane(lane);
    strangers->count = strangers->role == lane.role ? strangers->count + 1 : 1;
    strangers->role = lane.role;
    if (strangers->count < kMostStrangers)
        return Past::type;
    strangers->crowded = lappend_oid(strangers->crowded, lane.role);
    return Past::role;
}

void add_type(const Handler &handler, void *types) {
    auto **all = static_cast<List **>(types);
    *all = lappend(*all, pstrdup(handler.type));
}

void find_by_types(const Known &known, const List *roles) {
    List *types = NIL;
    if (roles != NIL)
        each_handler(add_type, &types);
    ListCell *role;
    ListCell *type;
    foreach (role, roles)
        foreach (type, types)
            each_unknown(known, lfirst_oid(role), static_cast<const char *>(lfirst(type)),
                         tell_lane);
}

// Where a floor is too high, it is lowered.
void mend_floors() {
    int count;
    const LanePick *lanes = copy_lanes(MyDatabaseId, &count);
    search_all_keys(MyDatabaseId);
    in_books([&] {
        for (int i = 0; i < count; i++) {
            const Position first =
                lanes[i].priority == kKeyed ? kBegin : first_queued(lanes[i], kBegin);
            if (first < kEnd)
                lower_lane(lanes[i].key(), first);
        }
    });
}

// The least time of the first jobs of its keys: of as many as can be looked at.
TimestampTz first_of_keys(const LanePick &lane, RawRange *rows) {
    char key[kPartitionKeyBytes] = "";
    TimestampTz first = DT_NOEND;
    Position at;
    for (int keys = 0; keys < kMostKeys && find_next_key(lane, rows, key, &at); keys++)
        first = Min(first, at.run_at);
    return first;
}

// The time of the first job of a lane; DT_NOEND where none is due.
TimestampTz first_due(const LanePick &lane, TimestampTz now) {
    RawRange rows;
    Position at{DT_NOEND, {}};
    if (!open_lane_rows(&rows, lane, now))
        return DT_NOEND;
    if (lane.priority == kKeyed)
        at.run_at = first_of_keys(lane, &rows);
    else if (!next_lane_row(&rows, lane, now, &at))
        at.run_at = DT_NOEND;
    close_range(&rows);
    return at.run_at <= now ? at.run_at : DT_NOEND;
}

// Of what shared memory knows, the lanes of the lowest floors alone are read. `oldest_of(role)` is
// where what is found of a role goes; null where the role is no matter.
template <typename OldestOf> void look_at_known(TimestampTz now, OldestOf oldest_of) {
    int count;
    LanePick *lanes = copy_lanes(MyDatabaseId, &count);
    sort_by_floor(lanes, count);
    for (int i = 0; i < count && lanes[i].mark.at.run_at < now; i++) {
        TimestampTz *oldest = oldest_of(lanes[i].role);
        if (oldest != nullptr && lanes[i].mark.at.run_at < *oldest &&
            find_handler(lanes[i].type) != nullptr)
            *oldest = Min(*oldest, first_due(lanes[i], now));
    }
}

struct Oldest {
    const Viewer *me;
    TimestampTz at;
};

void look_for_oldest(const LanePick &lane, void *context) {
    auto *oldest = static_cast<Oldest *>(context);
    if (oldest->me->sees(lane.role))
        oldest->at = Min(oldest->at, lane.mark.at.run_at);
}

struct OldestByRole {
    const Oid *roles; // sorted
    int count;
    TimestampTz *oldest;

    TimestampTz *of(Oid role) const {
        const Oid *found = std::lower_bound(roles, roles + count, role);
        return found != roles + count && *found == role ? oldest + (found - roles) : nullptr;
    }
};

void look_for_oldest_of_role(const LanePick &lane, void *context) {
    if (TimestampTz *oldest = static_cast<OldestByRole *>(context)->of(lane.role))
        *oldest = Min(*oldest, lane.mark.at.run_at);
}

} // namespace

void find_lanes(bool from_start) {
    in_transaction([from_start] {
        const Known known = known_lanes();
        Strangers strangers{};
        expect_handlers(lanes_in_all());
        if (from_start)
            mend_floors();
        each_unknown(known, InvalidOid, nullptr,
                     [&](const LanePick &lane) { return find_one(lane, &strangers); });
        find_by_types(known, strangers.crowded);
        judge_lanes(InvalidOid);
    });
}

Picks homeless_lanes(Oid role, const TimeMark &mark, LanePick *lanes) {
    const TimestampTz now = clock_now();
    Picks picks{lanes, 0, false, false, configuration_generation()};
    TimestampTz first = DT_NOEND;
    each_unknown(known_lanes(), role, nullptr, [&](const LanePick &lane) {
        if (server_of(lane.type, lane.role) != Server::ours)
            return Past::type;
        first = Min(first, lane.mark.at.run_at);
        if (lane.mark.at.run_at > now)
            return Past::lane;
        if (picks.count == kMostPicks)
            return Past::role;
        lanes[picks.count++] = lane;
        return Past::lane;
    });
    raise_rest({MyDatabaseId, role}, mark, first);
    sort_by_turn(lanes, picks.count);
    return picks;
}

void each_unknown_lane(bool kept, void (*visit)(const LanePick &lane, void *context),
                       void *context) {
    const auto look = [visit, context](const LanePick &lane) {
        if (find_handler(lane.type) == nullptr)
            return Past::type;
        visit(lane, context);
        return Past::lane;
    };
    if (!kept) {
        each_unknown(Known{}, InvalidOid, nullptr, look);
        return;
    }
    Oid *roles;
    const int count = roles_with_rest(MyDatabaseId, clock_now(), &roles);
    for (int i = 0; i < count; i++)
        each_unknown(known_lanes(), roles[i], nullptr, look);
}

TimestampTz oldest_due(const Viewer &me) {
    const bool kept = find_served(MyDatabaseId) != nullptr;
    Oldest oldest{&me, DT_NOEND};
    if (kept)
        look_at_known(clock_now(), [&](Oid role) { return me.sees(role) ? &oldest.at : nullptr; });
    each_unknown_lane(kept, look_for_oldest, &oldest);
    return oldest.at;
}

void find_oldest_due(const Oid *roles, int count, TimestampTz now, TimestampTz *oldest) {
    OldestByRole by_role{roles, count, oldest};
    std::fill(oldest, oldest + count, DT_NOEND);
    look_at_known(now, [&](Oid role) { return by_role.of(role); });
    each_unknown_lane(true, look_for_oldest_of_role, &by_role);
    std::replace_if(
        oldest, oldest + count, [now](TimestampTz at) { return at > now; }, DT_NOEND);
}

bool count_jobs(Database *database) {
    begin_count(MyDatabaseId);
    database->counted = false; // until the new counts are entered
    bool exact = false;
    PG_TRY();
    { exact = count_in_transaction(database); }
    PG_CATCH();
    {
        abandon_count(MyDatabaseId);
        PG_RE_THROW();
    }
    PG_END_TRY();
    return exact;
}

} // namespace ayb
