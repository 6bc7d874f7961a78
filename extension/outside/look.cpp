#include "outside/look.hpp"

#include "handlers/handlers.hpp"
#include "handlers/judge.hpp"
#include "hooks/changes.hpp"
#include "jobs/lane_scan.hpp"
#include "memory/databases.hpp"

namespace ayb {

namespace {

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
        (asked->me.sees(lane.role) || may_work(lane.type, lane.role)) &&
        server_of(lane.type, lane.role) == Server::outside)
        add(asked, lane);
}

void add_unknown(const LanePick &lane, void *asked) { add_due(static_cast<Asked *>(asked), lane); }

// Nobody has heard of it yet.
void add_own(const LaneKey &key, const Position &first, void *context) {
    auto *asked = static_cast<Asked *>(context);
    LanePick own{key.role.role, {}, key.priority, {first, 0}, nullptr};
    strlcpy(own.type, key.type, kTypeBytes);
    for (int i = 0; i < asked->picks.count; i++) {
        LanePick &pick = asked->picks.lanes[i];
        if (pick.role == own.role && pick.priority == own.priority &&
            strcmp(pick.type, own.type) == 0) {
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
    return database != nullptr &&
           pg_atomic_read_u32(&database->found) == pg_atomic_read_u32(&database->configured);
}

} // namespace

Picks due_outside(Datum types, const Viewer &me, TimestampTz now) {
    Asked asked = begin_look(types, me, now);
    if (asked.count == 0)
        return asked.picks;
    const bool known = are_known();
    if (known) {
        int count;
        const LanePick *lanes = copy_due_lanes(MyDatabaseId, asked.types, asked.count, now, &count);
        for (int i = 0; i < count; i++)
            add_due(&asked, lanes[i]);
    }
    each_unknown_lane(known, add_unknown, &asked);
    each_own_lane(add_own, &asked);
    sort_by_turn(asked.picks.lanes, asked.picks.count);
    return asked.picks;
}

bool may_raise_floors() {
    return are_kept() && !IsolationUsesXactSnapshot() &&
           !TransactionIdIsValid(GetTopTransactionIdIfAny());
}

} // namespace ayb
