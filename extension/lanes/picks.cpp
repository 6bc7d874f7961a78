#include "lanes/picks.hpp"

#include <algorithm>

#include "lanes/wishes.hpp"
#include "memory/configuration.hpp"
#include "memory/slots.hpp"
#include "pg/clock.hpp"
#include "pg/settings.hpp"

namespace ayb {

namespace {

// One that is further off than any try is put off: the clock was turned back.
TimestampTz put_off(TimestampTz not_before, TimestampTz now) {
    const int64 longest =
        Max(60 * kMicrosecondsPerSecond, settings::poll_interval * kMicrosecondsPerMillisecond);
    return not_before > later(now, longest) ? DT_NOBEGIN : not_before;
}

// Whoever has one need not wait for a place at leased jobs.
bool waits_for_places() { return my_slot() == nullptr || !my_slot()->has_place; }

// What the choice rests on, copied under the lane's lock.
struct Glance {
    Position at;
    TimestampTz not_before;
    uint64 judged;
    Server server;
    bool slow;
    const Limit *limit;
    TimestampTz key_due;
    TimestampTz opens;

    // Whom it is for isn't known before it is judged.
    bool may_be_ours(uint64 generation) const {
        return server == Server::ours || judged != generation;
    }
    // If its limit has a place for it.
    TimestampTz due(TimestampTz now) const {
        return Max(Max(at.run_at, key_due), put_off(not_before, now));
    }
    TimestampTz next(TimestampTz now) const { return Max(due(now), opens); }
};

Glance glance_at(Lane *lane) {
    const bool waits = waits_for_places();
    SpinLockAcquire(&lane->mutex);
    const TimestampTz place = waits ? lane->no_place_until : 0;
    Glance glance{lane->floor.at, Max(lane->not_before, place),
                  lane->judged,   lane->server,
                  lane->slow,     lane->limit,
                  DT_NOBEGIN,     DT_NOBEGIN};
    const Ring *ring = lane->ring;
    SpinLockRelease(&lane->mutex);
    glance.key_due = ring_due(ring);
    glance.opens = opens_at(glance.limit, lane->tag.role.role);
    return glance;
}

bool has_ring(const LaneKey &key) {
    const Ring *ring = nullptr;
    with_entry(key, [&](const Lane &lane) { ring = lane.ring; });
    return ring != nullptr;
}

// The lanes whose floors have the first turns so far, in order. Pointers, good while Locks::lanes
// is held.
struct First {
    struct {
        Position turn;
        Lane *lane;
    } found[kMostPicks];
    int count;
    bool more;

    void add(const Position &turn, Lane *lane) {
        more = more || count == kMostPicks;
        if (count == kMostPicks && !(turn < found[count - 1].turn))
            return;
        int place = Min(count, kMostPicks - 1);
        for (; place > 0 && turn < found[place - 1].turn; place--)
            found[place] = found[place - 1];
        found[place] = {turn, lane};
        count = Min(count + 1, kMostPicks);
    }
};

int priority_of(const Lane &lane) { return static_cast<int>(lane.tag.priority); }

void copy_lane(Lane *lane, LanePick *pick) {
    pick->role = lane->tag.role.role;
    pick->priority = priority_of(*lane);
    strlcpy(pick->type, lane->type, kTypeBytes); // it never changes
    SpinLockAcquire(&lane->mutex);
    pick->mark = mark_floor(lane->floor);
    pick->limit = lane->limit;
    pick->turns = nullptr;
    pick->ring = lane->ring;
    SpinLockRelease(&lane->mutex);
}

// Under Locks::lanes: calls `visit(Lane *)` for each lane of a role, if there is one.
template <typename Visit> void each_lane_of(const RoleKey &role, Visit visit) {
    const RoleLanes *entry = find_role(role);
    for (Lane *lane = entry != nullptr ? entry->first : nullptr; lane != nullptr; lane = lane->next)
        visit(lane);
}

// Under Locks::lanes: the same for all of a database.
template <typename Visit> void each_lane(Oid database, Visit visit) {
    HASH_SEQ_STATUS scan;
    hash_seq_init(&scan, role_table());
    while (auto *role = static_cast<RoleLanes *>(hash_seq_search(&scan)))
        if (role->key.database == database)
            each_lane_of(role->key, visit);
}

int by_floor(const void *one, const void *other) {
    const Position &a = static_cast<const LanePick *>(one)->mark.at;
    const Position &b = static_cast<const LanePick *>(other)->mark.at;
    return a < b ? -1 : static_cast<int>(b < a);
}

int by_turn(const void *one, const void *other) {
    const auto *a = static_cast<const LanePick *>(one);
    const auto *b = static_cast<const LanePick *>(other);
    const Position first = turn_of(a->priority, a->mark.at);
    const Position second = turn_of(b->priority, b->mark.at);
    if (first < second || second < first)
        return first < second ? -1 : 1;
    return a->role < b->role ? -1 : static_cast<int>(b->role < a->role); // nobody has looked yet
}

// Those of a database for which `wanted(Lane *)` says so, under Locks::lanes: no more is copied.
template <typename Wanted> LanePick *copy_some(Oid database, int *count, Wanted wanted) {
    const int room = static_cast<int>(lanes_in_all()) + 64; // and some that are made meanwhile
    auto *lanes =
        static_cast<LanePick *>(palloc_extended(room * sizeof(LanePick), MCXT_ALLOC_HUGE));
    *count = 0;
    LWLockAcquire(lock_of(Locks::lanes), LW_SHARED);
    each_lane(database, [&](Lane *lane) {
        if (*count < room && wanted(lane))
            copy_lane(lane, &lanes[(*count)++]);
    });
    LWLockRelease(lock_of(Locks::lanes));
    return lanes;
}

// Of all lanes of a role that may be ours: the least floor, and when to look. What has to wait for
// a place has no time: its limits.
struct Sooner {
    TimestampTz due;
    TimestampTz key_due; // the same, and of the keys that may start
    TimestampTz look;
    Wishes wishes;

    void add(const Glance &glance, Oid role, TimestampTz now) {
        const TimestampTz next = glance.due(now);
        const bool waits = next <= now && glance.opens > now;
        due = Min(due, glance.at.run_at);
        key_due = Min(key_due, Max(glance.at.run_at, glance.key_due));
        if (!waits)
            look = Min(look, next);
        if (glance.limit != nullptr && !wishes.add(glance.limit, role, next <= now, waits) && waits)
            look = Min(look, later(now, settings::poll_interval * kMicrosecondsPerMillisecond));
    }
};

Sooner soonest(const RoleKey &role, TimestampTz now) {
    const uint64 generation = configuration_generation();
    Sooner sooner{DT_NOEND, DT_NOEND, DT_NOEND, {}};
    LWLockAcquire(lock_of(Locks::lanes), LW_SHARED);
    each_lane_of(role, [&](Lane *lane) {
        const Glance glance = glance_at(lane);
        if (glance.may_be_ours(generation))
            sooner.add(glance, role.role, now);
    });
    LWLockRelease(lock_of(Locks::lanes));
    return sooner;
}

} // namespace

Position turn_of(int priority, Position at) {
    if (priority != 0 && priority != kKeyed)
        at.run_at =
            later(at.run_at, priority * settings::priority_step * kMicrosecondsPerMillisecond);
    return at;
}

void pick_lanes(const RoleKey &role, TimestampTz now, bool quick_only, Picks *picks) {
    const uint64 generation = configuration_generation();
    First first{};
    Wishes wishes{};
    picks->count = 0;
    picks->unjudged = false;
    picks->generation = generation;
    LWLockAcquire(lock_of(Locks::lanes), LW_SHARED);
    each_lane_of(role, [&](Lane *lane) {
        const Glance glance = glance_at(lane);
        if (!glance.may_be_ours(generation))
            return;
        if (glance.limit != nullptr)
            wishes.add(glance.limit, role.role, glance.due(now) <= now, false);
        if (glance.next(now) > now)
            return;
        picks->unjudged = picks->unjudged || glance.judged != generation;
        if (!quick_only || !glance.slow)
            first.add(turn_of(priority_of(*lane), glance.at), lane);
    });
    for (int i = 0; i < first.count && !picks->unjudged; i++)
        copy_lane(first.found[i].lane, &picks->lanes[picks->count++]);
    LWLockRelease(lock_of(Locks::lanes));
    wishes.tell();
    picks->more = first.more;
}

void take_lane_turns(Picks *picks, int most) {
    static MemoryContext memory;
    if (memory == nullptr)
        memory = AllocSetContextCreate(TopMemoryContext, "ayb_jobs turns", ALLOCSET_DEFAULT_SIZES);
    MemoryContextReset(memory);
    int kept = 0;
    for (int i = 0; i < picks->count; i++) {
        LanePick &lane = picks->lanes[kept];
        lane = picks->lanes[i];
        if (lane.priority == kKeyed && has_ring(lane.key())) {
            lane.turns = static_cast<Turns *>(MemoryContextAlloc(memory, sizeof(Turns)));
            lane.turns->keys =
                static_cast<KeyTurn *>(MemoryContextAlloc(memory, most * sizeof(KeyTurn)));
            take_turns(ring_key(lane.role, lane.type), most, lane.turns);
            if (lane.turns->empty) {
                raise_lane_floor(lane.key(), lane.mark, kEnd);
                continue;
            }
        }
        kept++;
    }
    picks->count = kept;
}

int roles_with_rest(Oid database, TimestampTz now, Oid **roles) {
    int count = 0;
    *roles = static_cast<Oid *>(palloc(kMaxRoles * sizeof(Oid)));
    each_role(database, [&](const RoleLanes &role) {
        if (role.rest.at <= now && count < kMaxRoles)
            (*roles)[count++] = role.key.role;
    });
    return count;
}

TimestampTz next_due(const RoleKey &role) {
    return Min(soonest(role, DT_NOEND).key_due, mark_rest(role).at);
}

TimestampTz next_look(const RoleKey &role, TimestampTz now) {
    TimeMark mark{DT_NOEND, 0};
    TimestampTz rest = DT_NOEND;
    TimestampTz place = 0;
    const bool waits = waits_for_places();
    TimestampTz not_before = DT_NOBEGIN;
    with_entry(role, [&](const RoleLanes &entry) {
        mark = mark_floor(entry.due);
        rest = entry.rest.at;
        place = waits ? entry.no_place_until : 0;
        not_before = entry.not_before;
    });
    TimestampTz look = mark.at;
    if (look <= now) {
        const Sooner sooner = soonest(role, now);
        sooner.wishes.tell();
        look = Min(Min(sooner.look, Max(rest, put_off(place, now))), sooner.wishes.ask());
        with_entry(role, [&](RoleLanes &entry) {
            raise_floor(&entry.due, mark, Min(sooner.due, rest), DT_NOEND);
        });
    }
    return Max(look, put_off(not_before, now));
}

int unjudged_lanes(const RoleKey &role, uint64 generation, LanePick *lanes, int most) {
    int count = 0;
    const auto look = [&](Lane *lane) {
        if (count < most && glance_at(lane).judged != generation)
            copy_lane(lane, &lanes[count++]);
    };
    LWLockAcquire(lock_of(Locks::lanes), LW_SHARED);
    if (OidIsValid(role.role))
        each_lane_of(role, look);
    else
        each_lane(role.database, look);
    LWLockRelease(lock_of(Locks::lanes));
    return count;
}

void judge_lane(const LaneKey &key, uint64 generation, Server server, bool slow,
                const Limit *limit) {
    const Ring *ring =
        key.priority == kKeyed ? make_ring(ring_key(key.role.role, key.type)) : nullptr;
    TimestampTz due = DT_NOEND;
    with_entry(key, [&](Lane &lane) {
        lane.judged = generation;
        lane.server = server;
        lane.slow = slow;
        lane.limit = limit;
        lane.ring = ring;
        due = lane.floor.at.run_at;
    });
    if (server == Server::ours)
        with_entry(key.role, [&](RoleLanes &role) { lower_floor(&role.due, due); });
}

void remove_unserved_lane(const LaneKey &key, uint64 generation) {
    LWLockAcquire(lock_of(Locks::lanes), LW_EXCLUSIVE);
    if (configuration_generation() == generation)
        remove_lane(key);
    LWLockRelease(lock_of(Locks::lanes));
}

void note_slow(const RoleKey &role, const char *type, bool slow) {
    LWLockAcquire(lock_of(Locks::lanes), LW_SHARED);
    each_lane_of(role, [&](Lane *lane) {
        if (strcmp(lane->type, type) != 0)
            return;
        SpinLockAcquire(&lane->mutex);
        lane->slow = slow;
        SpinLockRelease(&lane->mutex);
    });
    LWLockRelease(lock_of(Locks::lanes));
}

LanePick *copy_lanes(Oid database, int *count) {
    return copy_some(database, count, [](Lane * /*lane*/) { return true; });
}

LanePick *copy_due_lanes(Oid database, const char *const *types, int type_count, TimestampTz now,
                         int *count, TimestampTz *next) {
    *next = DT_NOEND;
    auto *hashes = static_cast<uint64 *>(palloc((type_count + 1) * sizeof(uint64)));
    for (int i = 0; i < type_count; i++)
        hashes[i] = hash_of_type(types[i]);
    Wishes wishes{};
    LanePick *lanes = copy_some(database, count, [&](Lane *lane) {
        if (std::find(hashes, hashes + type_count, lane->tag.type) == hashes + type_count)
            return false;
        const Glance glance = glance_at(lane);
        const TimestampTz at = Max(glance.at.run_at, glance.key_due);
        if (glance.limit != nullptr)
            wishes.add(glance.limit, lane->tag.role.role, at <= now, false);
        *next = at > now ? Min(*next, at) : *next;
        return at <= now;
    });
    wishes.tell_ends();
    return lanes;
}

void sort_by_turn(LanePick *lanes, int count) { qsort(lanes, count, sizeof(LanePick), by_turn); }

void sort_by_floor(LanePick *lanes, int count) { qsort(lanes, count, sizeof(LanePick), by_floor); }

} // namespace ayb
