// Every order in which commits, their callbacks, readers and the end of jobs can follow each other.
#include "core/floor.hpp"

#include <gtest/gtest.h>

#include <array>
#include <functional>
#include <vector>

using ayb::core::Floor;
using ayb::core::FloorMark;

namespace {

constexpr int kBegin = -1;
constexpr int kEnd = 99;
constexpr int kRows = 4;

// A row of the table: a bit for "queued and visible", one for "its commit has run its callback".
struct World {
    Floor<int> floor{};
    std::array<bool, kRows> queued{};
    std::array<bool, kRows> told{};
};

struct Reader {
    FloorMark<int> mark{};
    std::array<bool, kRows> snapshot{};

    [[nodiscard]] int first() const {
        for (int row = std::max(mark.at, 0); row < kRows; row++)
            if (snapshot[row])
                return row;
        return kEnd;
    }
};

using Raise = std::function<void(Floor<int> *, const FloorMark<int> &, int)>;

void raise_soundly(Floor<int> *floor, const FloorMark<int> &mark, int first) {
    raise_floor(floor, mark, first, kEnd);
}

// What somebody does, step by step.
using Step = std::function<void(World &, std::array<Reader, 2> &)>;
using Actor = std::vector<Step>;

Actor commit(int row) {
    return {[row](World &world, auto &) {
                world.queued[row] = true;
                world.told[row] = false;
            },
            [row](World &world, auto &) {
                lower_floor(&world.floor, row);
                world.told[row] = true;
            }};
}

Actor complete(int row) {
    return {[row](World &world, auto &) { world.queued[row] = false; }};
}

Actor read(int reader, const Raise &raise) {
    return {
        [reader](World &world, auto &readers) { readers[reader].mark = mark_floor(world.floor); },
        [reader](World &world, auto &readers) { readers[reader].snapshot = world.queued; },
        [reader, raise](World &world, auto &readers) {
            raise(&world.floor, readers[reader].mark, readers[reader].first());
        }};
}

bool holds(const World &world) {
    for (int row = 0; row < kRows; row++)
        if (world.queued[row] && world.told[row] && row < world.floor.at)
            return false;
    return true;
}

// How many of all orders end up with a job that lies before the floor.
int violations(const World &world, const std::array<Reader, 2> &readers,
               const std::vector<Actor> &actors, const std::vector<size_t> &done) {
    int found = 0;
    for (size_t i = 0; i < actors.size(); i++) {
        if (done[i] == actors[i].size())
            continue;
        World next = world;
        std::array<Reader, 2> next_readers = readers;
        std::vector<size_t> next_done = done;
        actors[i][next_done[i]++](next, next_readers);
        found += holds(next) ? violations(next, next_readers, actors, next_done) : 1;
    }
    return found;
}

// A job is at 1, and the floor at 0. One is enqueued before it, one after it; it is completed.
int violations(const Raise &raise) {
    World world;
    open_floor(&world.floor, kBegin, kEnd, 1);
    world.queued[1] = world.told[1] = true;
    const std::vector<Actor> actors{commit(0), commit(3), complete(1), read(0, raise),
                                    read(1, raise)};
    return violations(world, {}, actors, std::vector<size_t>(actors.size()));
}

} // namespace

TEST(Floor, NothingQueuedEverLiesBeforeIt) { EXPECT_EQ(violations(raise_soundly), 0); }

TEST(Floor, RaisingOverWhatTheSnapshotMissedIsFound) {
    EXPECT_GT(
        violations([](Floor<int> *floor, const FloorMark<int> &, int first) { floor->at = first; }),
        0);
}

TEST(Floor, RaisingByAMarkFromBeforeTheLastRaiseIsFound) {
    const Raise careless = [](Floor<int> *floor, const FloorMark<int> &mark, int first) {
        raise_floor(floor, FloorMark<int>{mark.at, floor->commits}, first, kEnd);
    };
    EXPECT_GT(violations(careless), 0);
}

// A role's lanes: each has a floor of its own, as has each of its priorities, and the role the
// least of those that are served, by which it is known that nothing is due. A commit lowers its
// lane and then the role; who looks for the role marks that, goes through the lanes one by one, and
// raises it.
namespace {

constexpr int kLanes = 2;

struct Role {
    std::array<Floor<int>, kLanes> lanes{};
    std::array<int, kLanes> told{kEnd, kEnd}; // the first row of each that a commit has told of
    std::array<bool, kLanes> served{true, true};
    Floor<int> due{};
};

struct Walker {
    FloorMark<int> mark{};
    int least = kEnd;
};

using RoleStep = std::function<void(Role &, std::array<Walker, 2> &)>;
using RoleActor = std::vector<RoleStep>;

// What a commit does first, and what second.
RoleActor tell(int lane, int row, bool role_first) {
    RoleStep lower_lane = [lane, row](Role &role, auto &) { lower_floor(&role.lanes[lane], row); };
    RoleStep lower_role = [row](Role &role, auto &) { lower_floor(&role.due, row); };
    RoleStep done = [lane, row](Role &role, auto &) {
        role.told[lane] = std::min(role.told[lane], row);
    };
    if (role_first)
        return {lower_role, lower_lane, done};
    return {lower_lane, lower_role, done};
}

RoleStep look_at(int walker, int lane) {
    return [walker, lane](Role &role, auto &walkers) {
        if (role.served[lane])
            walkers[walker].least = std::min(walkers[walker].least, role.lanes[lane].at);
    };
}

RoleActor walk(int walker, bool marked) {
    return {[walker](Role &role, auto &walkers) {
                walkers[walker] = Walker{mark_floor(role.due), kEnd};
            },
            look_at(walker, 0), look_at(walker, 1),
            [walker, marked](Role &role, auto &walkers) {
                if (marked)
                    raise_floor(&role.due, walkers[walker].mark, walkers[walker].least, kEnd);
                else
                    role.due.at = walkers[walker].least;
            }};
}

// What is registered or paused changes, and then the role's due is found anew.
RoleActor resume(int lane) {
    return {[lane](Role &role, auto &) { role.served[lane] = true; },
            [](Role &role, auto &) { lower_floor(&role.due, kBegin); }};
}

bool is_found(const Role &role) {
    for (int lane = 0; lane < kLanes; lane++)
        if (role.served[lane] && role.told[lane] < role.due.at)
            return false;
    return true;
}

// Looked at when everybody has ended: until then somebody is still on the way to tell.
int misses(const Role &role, const std::array<Walker, 2> &walkers,
           const std::vector<RoleActor> &actors, const std::vector<size_t> &done) {
    int found = 0;
    bool over = true;
    for (size_t i = 0; i < actors.size(); i++) {
        if (done[i] == actors[i].size())
            continue;
        over = false;
        Role next = role;
        std::array<Walker, 2> next_walkers = walkers;
        std::vector<size_t> next_done = done;
        actors[i][next_done[i]++](next, next_walkers);
        found += misses(next, next_walkers, actors, next_done);
    }
    return over && !is_found(role) ? 1 : found;
}

int misses(bool marked, bool role_first) {
    Role role;
    for (Floor<int> &lane : role.lanes)
        open_floor(&lane, kEnd, kEnd, 1);
    open_floor(&role.due, kEnd, kEnd, 1);
    role.served[1] = false; // it is paused, and has a job
    role.lanes[1].at = role.told[1] = 2;
    const std::vector<RoleActor> actors{tell(0, 1, role_first), walk(0, marked), walk(1, marked),
                                        resume(1)};
    return misses(role, {}, actors, std::vector<size_t>(actors.size()));
}

} // namespace

TEST(Lanes, WhatIsServedIsNeverMissed) { EXPECT_EQ(misses(true, false), 0); }

TEST(Lanes, RaisingTheRoleOverACommitIsFound) { EXPECT_GT(misses(false, false), 0); }

TEST(Lanes, TellingTheRoleBeforeTheLaneIsFound) { EXPECT_GT(misses(true, true), 0); }

TEST(Floor, RisesAmidCommits) {
    Floor<int> floor;
    open_floor(&floor, kBegin, kEnd, 1);
    for (int row = 0; row < 10; row++) {
        const FloorMark<int> mark = mark_floor(floor);
        lower_floor(&floor, 50 + row); // as in a queue that is always being filled
        EXPECT_TRUE(raise_floor(&floor, mark, row, kEnd));
        EXPECT_EQ(floor.at, row);
    }
}

TEST(Floor, StopsAtWhatWasCommittedSinceTheMark) {
    Floor<int> floor;
    open_floor(&floor, kBegin, kEnd, 1);
    const FloorMark<int> mark = mark_floor(floor);
    lower_floor(&floor, 5);
    EXPECT_TRUE(raise_floor(&floor, mark, 7, kEnd));
    EXPECT_EQ(floor.at, 5);
    EXPECT_TRUE(raise_floor(&floor, mark_floor(floor), 7, kEnd));
    EXPECT_EQ(floor.at, 7);
}

TEST(Floor, IsNotHeldByWhatWasCommittedBeforeTheMark) {
    Floor<int> floor;
    open_floor(&floor, kBegin, kEnd, 1);
    lower_floor(&floor, 5);
    EXPECT_TRUE(raise_floor(&floor, mark_floor(floor), 7, kEnd));
    EXPECT_EQ(floor.at, 7);
}

TEST(Floor, NeverFallsByARaise) {
    Floor<int> floor;
    open_floor(&floor, kBegin, kEnd, 1);
    const FloorMark<int> mark = mark_floor(floor);
    EXPECT_TRUE(raise_floor(&floor, mark, 7, kEnd));
    EXPECT_TRUE(raise_floor(&floor, mark, 3, kEnd)); // an older snapshot
    EXPECT_EQ(floor.at, 7);
}

TEST(Floor, OfAnEarlierLifeNoMarkRaisesIt) {
    Floor<int> floor;
    open_floor(&floor, kBegin, kEnd, 1);
    lower_floor(&floor, 3);
    const FloorMark<int> mark = mark_floor(floor);
    open_floor(&floor, kBegin, kEnd, 1000);
    EXPECT_FALSE(raise_floor(&floor, mark, 7, kEnd));
    EXPECT_EQ(floor.at, kBegin);
}
