#include "outside/look.hpp"

#include <algorithm>

#include "base/arguments.hpp"
#include "handlers/handlers.hpp"
#include "handlers/judge.hpp"
#include "hooks/changes.hpp"
#include "jobs/lane_scan.hpp"
#include "jobs/line.hpp"
#include "jobs/taking.hpp"
#include "memory/databases.hpp"
#include "pg/clock.hpp"

namespace ayb {

namespace {

constexpr int kKeysAtOnce = 4; // that are looked at for one job
constexpr int kMostKeys = 64;  // for many

// Who looks, and for what.
struct Asked {
    const char **types;
    int count;
    Viewer me;
    TimestampTz now;
    Picks picks;
    int room;

    bool names(const char *type) const {
        for (int i = 0; i < count; i++)
            if (strcmp(types[i], type) == 0)
                return true;
        return false;
    }
};

// A limit is kept by shared memory, and entered there by the scheduler.
void require_kept(const char *type) {
    if (find_rule(type) != nullptr && find_served(MyDatabaseId) == nullptr)
        ereport(ERROR,
                (errcode(ERRCODE_OBJECT_NOT_IN_PREREQUISITE_STATE),
                 errmsg("type \"%s\" has a limit, and no scheduler keeps it", type),
                 errhint("shared_preload_libraries must have ayb_jobs, and ayb_jobs.enabled be on; "
                         "or ayb_jobs.clear_limit(type).")));
}

Asked begin_look(Datum types, const Viewer &me, TimestampTz now) {
    Datum *names;
    int count;
    deconstruct_array(DatumGetArrayTypeP(types), TEXTOID, -1, false, TYPALIGN_INT, &names, nullptr,
                      &count);
    Asked asked{
        static_cast<const char **>(palloc((count + 1) * sizeof(char *))), 0, me, now, {}, 16};
    for (int i = 0; i < count; i++) {
        const char *type = TextDatumGetCString(names[i]);
        require_kept(type);
        if (server_of(type, InvalidOid) == Server::outside)
            asked.types[asked.count++] = type;
    }
    asked.picks.lanes = static_cast<LanePick *>(palloc(asked.room * sizeof(LanePick)));
    return asked;
}

void add(Asked *asked, const LanePick &lane) {
    Picks &picks = asked->picks;
    if (picks.count == asked->room) {
        asked->room *= 2;
        picks.lanes =
            static_cast<LanePick *>(repalloc(picks.lanes, asked->room * sizeof(LanePick)));
    }
    picks.lanes[picks.count++] = lane;
}

void add_due(Asked *asked, const LanePick &lane) {
    if (lane.mark.at.run_at <= asked->now && asked->names(lane.type) &&
        (asked->me.sees(lane.role) || may_work(lane.type, lane.role, asked->me.role)) &&
        server_of(lane.type, lane.role) == Server::outside)
        add(asked, lane);
}

// Whether the limit of its type has a place for it: else the role asks for one, and `next` is when
// to look at last.
bool has_turn(LanePick &lane, TimestampTz now, TimestampTz *next) {
    Opened opened{};
    if (lane.limit == nullptr) // nobody may have judged the lane yet
        lane.limit = find_limit(lane.type);
    TimestampTz at = opens_at(lane.limit, lane.role);
    if (at > now)
        at = ask_for_turn(lane.limit, lane.role, Asker::outside, &opened);
    else if (lane.limit != nullptr)
        note_wish(lane.limit, lane.role, true, Asker::outside, &opened);
    tell_asked(opened);
    *next = at > now ? Min(*next, at) : *next;
    return at <= now;
}

// Leaves out those that may start nothing. Roles that come together stand in the order of what they
// have.
void keep_turns(Asked *asked, TimestampTz *next) {
    Picks &picks = asked->picks;
    int kept = 0;
    sort_by_turn(picks.lanes, picks.count);
    for (int i = 0; i < picks.count; i++)
        if (has_turn(picks.lanes[i], asked->now, next))
            picks.lanes[kept++] = picks.lanes[i];
    picks.count = kept;
}

void add_unknown(const LanePick &lane, void *asked) { add_due(static_cast<Asked *>(asked), lane); }

// Nobody has heard of it yet.
void add_own(const LaneKey &key, const Position &first, void *context) {
    auto *asked = static_cast<Asked *>(context);
    LanePick own{key.role.role, {}, key.priority, {first, 0}, nullptr, nullptr, nullptr};
    strlcpy(own.type, key.type, kTypeBytes);
    for (int i = 0; i < asked->picks.count; i++) {
        LanePick &pick = asked->picks.lanes[i];
        if (pick.role == own.role && pick.priority == own.priority &&
            strcmp(pick.type, own.type) == 0) {
            pick.turns = nullptr; // nobody has entered its keys
            pick.mark.at = first < pick.mark.at ? first : pick.mark.at;
            return;
        }
    }
    add_due(asked, own);
}

// Without a scheduler nobody would lower a floor after a commit that goes unheard.
bool are_kept() { return find_served(MyDatabaseId) != nullptr; }

// Nor are all lanes known before the scheduler has looked for those of a type that was registered.
bool are_known() {
    Database *database = find_served(MyDatabaseId);
    if (database == nullptr)
        return false;
    const uint32 found = pg_atomic_read_u32(&database->found);
    pg_read_barrier(); // the lanes it stands for were there before it, and are read after it
    return found == pg_atomic_read_u32(&database->configured);
}

void add_wanted(const char *type, Oid worker, Wanted *wanted) {
    struct Found {
        Wanted *wanted;
        bool everybody;
    } found{wanted, false};
    each_granted(
        type, worker,
        [](Oid for_role, void *context) {
            auto *all = static_cast<Found *>(context);
            if (OidIsValid(for_role))
                all->wanted->add_role(for_role);
            else
                all->everybody = true;
        },
        &found);
    wanted->add_type(type, found.everybody);
}

// When a lane that was looked at has its first job, or a key that may start one, if that isn't now.
TimestampTz next_of(const LanePick &lane, TimestampTz now) {
    const TimestampTz at = Max(mark_lane(lane.key()).at.run_at, ring_due(lane.ring));
    return at > now ? at : DT_NOEND;
}

// The commit that made it claimable woke somebody for it, a moment ago. What came due by time had
// no commit: it is known by its id, which is older.
bool is_for_scheduler(const Position &at, TimestampTz now) {
    return at.run_at <= now - kWakeAgain || later(made_at(at.id), kWakeAgain) < at.run_at;
}

// A row that was found, whatever the ring of its lane says of its key.
bool may_be_claimed(Line *line, TimestampTz now) {
    RawRange &rows = line->here->rows;
    const LanePick &lane = *line->here->pick;
    if (is_taken(&rows))
        return false;
    const char *key = any_limits() ? key_text(rows.row) : nullptr;
    return key == nullptr || key_may_start({lane.role, lane.type, key, line->here->at.id, {}}, now);
}

} // namespace

Picks due_outside(Datum types, const Viewer &me, TimestampTz now, int keys, TimestampTz *next) {
    Asked asked = begin_look(types, me, now);
    *next = DT_NOEND;
    if (asked.count == 0)
        return asked.picks;
    const bool known = are_known();
    if (known) {
        int count;
        const LanePick *lanes =
            copy_due_lanes(MyDatabaseId, asked.types, asked.count, now, &count, next);
        for (int i = 0; i < count; i++)
            add_due(&asked, lanes[i]);
        keep_turns(&asked, next);
    }
    take_lane_turns(&asked.picks, keys);
    each_unknown_lane(known, add_unknown, &asked);
    each_own_lane(add_own, &asked);
    sort_by_turn(asked.picks.lanes, asked.picks.count);
    return asked.picks;
}

Wanted wanted_outside(Datum types, const Viewer &me) {
    const Asked asked = begin_look(types, me, 0);
    Wanted wanted{};
    wanted.all_roles = me.all;
    for (int i = 0; i < me.count && !me.all; i++)
        wanted.add_role(me.roles[i]);
    for (int i = 0; i < asked.count; i++)
        add_wanted(asked.types[i], me.role, &wanted);
    return wanted;
}

bool has_other_roles(const Picks &picks) {
    return std::any_of(picks.lanes, picks.lanes + picks.count, [](const LanePick &lane) {
        return lane.limit != nullptr && roles_in_line(lane.limit->line) > 1;
    });
}

bool any_to_claim(Datum types, const Viewer &me, TimestampTz now, TimestampTz *next) {
    const bool raise = may_raise_floors();
    const Picks picks = due_outside(types, me, now, kKeysAtOnce, next);
    PushActiveSnapshot(GetTransactionSnapshot()); // younger than the picks
    Line line = open_line(picks, now, raise);
    bool any = false;
    bool free = false;
    while (!free && next_in_line(&line)) {
        any = true;
        free = may_be_claimed(&line, now);
    }
    close_line(&line);
    PopActiveSnapshot();
    if (any)
        *next = Min(*next, later(now, kWakeAgain));
    else if (has_other_roles(picks))
        *next = now;
    for (int i = 0; i < picks.count; i++)
        *next = Min(*next, next_of(picks.lanes[i], now));
    return free;
}

ToHandOut to_hand_out(const LanePick &lane, TimestampTz now, int most) {
    LanePick only = lane;
    Picks picks{&only, 1, false, false, 0};
    ToHandOut found{0, false, DT_NOEND};
    take_lane_turns(&picks, Min(2 * most + 2, kMostKeys));
    Line line = open_line(picks, now, true);
    int young = 0;
    while (found.jobs < most && young < most && next_in_line(&line)) {
        found.any = true;
        if (!is_for_scheduler(line.here->at, now))
            young++;
        else if (may_be_claimed(&line, now))
            found.jobs++;
    }
    close_line(&line);
    found.next = next_of(lane, now);
    return found;
}

bool may_raise_floors() {
    return are_kept() && !IsolationUsesXactSnapshot() &&
           !TransactionIdIsValid(GetTopTransactionIdIfAny());
}

} // namespace ayb
