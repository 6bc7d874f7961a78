#include "jobs/key_rows.hpp"

#include "base/arguments.hpp"
#include "base/columns.hpp"
#include "handlers/handlers.hpp"
#include "jobs/lane_rows.hpp"

namespace ayb {

namespace {

constexpr int kMostProbes = 64;  // of a search
constexpr int kMostSearches = 3; // that end in one look
constexpr int kMostPassed = 16;  // rows of a key, in one turn
constexpr int kMostAlone = 8;    // of its keys that have no room have a turn at once
constexpr int64 kLongestHold = 600 * kMicrosecondsPerSecond;

bool g_found_first; // turns of what a search found: every other time

RingKey ring_of(const LanePick &lane) { return ring_key(lane.role, lane.type); }

// Whether it is due. One that isn't may stand among those that are where its type is ordered, or
// was.
bool note_row(KeyLook *look, const Position &at, TimestampTz until) {
    if (at.run_at > until)
        look->next = Min(look->next, at.run_at);
    look->any = true;
    return at.run_at <= until;
}

// The first row of the key that is due, behind the last that was read.
bool next_by_level(KeyRows *keys, RawRange *rows, TimestampTz until, Position *at) {
    KeyLook &look = keys->looks[keys->here];
    if (!keys->at_range)
        begin_key(*keys->lane, look.turn->key, look.any ? look.last : look.turn->mark.at, look.any,
                  rows);
    bool found = false;
    while (!found && next_lane_row(rows, *keys->lane, DT_NOEND, at)) {
        look.last = order_of(*rows);
        if (!look.any && keys->raise)
            raise_key(ring_of(*keys->lane), *look.turn, look.last);
        found = note_row(&look, *at, until);
    }
    return found;
}

// The first one by id, behind the last that was taken: the others wait for it.
bool next_by_id(KeyRows *keys, RawRange *rows, TimestampTz until, Position *at) {
    KeyLook &look = keys->looks[keys->here];
    const RingKey ring = ring_of(*keys->lane);
    keys->at_range = false;
    if (look.waits)
        return false;
    Position first;
    const Position from = look.turn->unheard == kUnknown ? kBegin : look.turn->mark.at;
    const bool any = find_by_id(*keys->lane, look.turn->key, from, look.after, rows, &first, at);
    if (!look.any && first < kEnd && keys->raise)
        raise_key(ring, *look.turn, first);
    look.waits = any && note_row(&look, *at, until);
    if (any && !look.waits && keys->raise)
        hold_key(ring, *look.turn, Min(look.next, later(until, kLongestHold)));
    return look.waits;
}

// A row of the key that is due.
bool next_of_key(KeyRows *keys, RawRange *rows, TimestampTz until, Position *at) {
    KeyLook &look = keys->looks[keys->here];
    const bool found =
        keys->ordered ? next_by_id(keys, rows, until, at) : next_by_level(keys, rows, until, at);
    if (!look.any && keys->raise)
        raise_key(ring_of(*keys->lane), *look.turn, kEnd);
    look.spared = found && keys->more;
    look.done = !found || look.spared;
    keys->left -= look.done ? 1 : 0;
    return found;
}

void turn_to_next(KeyRows *keys) {
    if (keys->stays) {
        keys->stays = false;
        return;
    }
    const int before = keys->here;
    do
        keys->here = (keys->here + 1) % keys->count;
    while (keys->looks[keys->here].done);
    keys->at_range = keys->at_range && keys->here == before;
}

void add_look(KeyRows *keys, const KeyTurn *turn) {
    KeyLook &look = keys->looks[keys->count++];
    look.turn = turn;
    look.next = DT_NOEND;
    keys->left++;
}

bool has_look(const KeyRows &keys, const char *key) {
    for (int i = 0; i < keys.count; i++)
        if (strcmp(keys.looks[i].turn->key, key) == 0)
            return true;
    return false;
}

// Keys that may be missing. Those that have a turn at once, as it is theirs or as nobody knows of
// them when it will be, have a mark that raises nothing. Whether there are no further ones.
bool search(KeyRows *keys, const Turns &turns, RawRange *rows) {
    const RingKey ring = ring_of(*keys->lane);
    auto *found = static_cast<KeyTurn *>(palloc0(kMostProbes * sizeof(KeyTurn)));
    int count = 0;
    int alone = 0;
    char key[kPartitionKeyBytes];
    strlcpy(key, turns.cursor, kPartitionKeyBytes);
    for (int probes = 0; probes < kMostProbes && alone < kMostAlone; probes++) {
        Position found_at;
        if (!find_next_key(*keys->lane, rows, key, &found_at)) {
            pass_key(ring, turns.search, keys->raise, nullptr);
            return true;
        }
        const Position at = order_of(*rows);
        const bool takes = keys->count < keys->lane->turns->most;
        const Met met = enter_key(ring, key, at, takes);
        if (has_look(*keys, key) || met == Met::known || (met == Met::entered && !takes))
            continue;
        alone += met == Met::alone ? 1 : 0;
        strlcpy(found[count].key, key, kPartitionKeyBytes);
        found[count].mark = {at, 0};
        add_look(keys, &found[count++]);
    }
    pass_key(ring, turns.search, keys->raise, key);
    return false;
}

// Those that are known, and had to wait for the search that has ended. Their turns are younger than
// the snapshot, so that what it shows raises nothing.
const Turns *take_further(KeyRows *keys, int most) {
    auto *further = static_cast<Turns *>(palloc0(sizeof(Turns)));
    const RingKey ring = ring_of(*keys->lane);
    const int room = Max(most - keys->count, 0);
    further->keys = static_cast<KeyTurn *>(palloc(Max(room, 1) * sizeof(KeyTurn)));
    take_turns(ring, room, further);
    for (int i = 0; i < further->count; i++) {
        KeyTurn &turn = further->keys[i];
        turn.mark.commits = 0;
        if (has_look(*keys, turn.key))
            count_turns(ring, hash_of_type(turn.key), -1); // it has this one
        else
            add_look(keys, &turn);
    }
    keys->more = further->more;
    return further;
}

} // namespace

KeyRows open_key_rows(const LanePick &lane, RawRange *rows, bool raise) {
    const Turns &turns = *lane.turns;
    KeyRows keys{};
    keys.lane = &lane;
    keys.raise = raise;
    keys.more = turns.more;
    keys.ordered = any_limits() && is_ordered(lane.type);
    keys.looks = static_cast<KeyLook *>(
        palloc0((turns.most + kMostSearches * kMostProbes) * sizeof(KeyLook)));
    for (int i = 0; i < turns.count; i++)
        add_look(&keys, &turns.keys[i]);
    // Something unheard may have come amid a search, which begins again then.
    const Turns *searched = &turns;
    for (int i = 0; i < kMostSearches && searched->searches && search(&keys, *searched, rows); i++)
        searched = take_further(&keys, turns.most);
    g_found_first = !g_found_first && keys.count > turns.count;
    keys.here = g_found_first ? turns.count - 1 : keys.count - 1; // the one before the first
    if (keys.here < 0)
        keys.here = keys.count - 1;
    return keys;
}

bool next_key_row(KeyRows *keys, RawRange *rows, TimestampTz until, Position *at) {
    bool found = false;
    while (keys->left > 0 && !found) {
        turn_to_next(keys);
        found = next_of_key(keys, rows, until, at);
        keys->at_range = found;
    }
    return found;
}

void note_tried(KeyRows *keys) { keys->looks[keys->here].tried = true; }

void note_passed(KeyRows *keys) {
    KeyLook &look = keys->looks[keys->here];
    if (!look.spared || ++look.passed > kMostPassed)
        return;
    look.done = look.spared = false;
    keys->left++;
    keys->stays = true;
}

void note_taken(KeyRows *keys, const core::Uuid &job) {
    KeyLook &look = keys->looks[keys->here];
    look.taken++;
    look.after = job;
    look.waits = false;
}

bool is_all(const KeyRows &keys) {
    return keys.ordered && keys.raise &&
           is_unchanged(ring_of(*keys.lane), *keys.looks[keys.here].turn);
}

core::Uuid last_taken(const KeyRows &keys) { return keys.looks[keys.here].after; }

void skip_key(KeyRows *keys, bool keeps_turn) {
    KeyLook &look = keys->looks[keys->here];
    look.tried = look.tried && !keeps_turn;
    keys->left -= look.done ? 0 : 1;
    look.done = look.spared = true; // nobody has its rows locked
    keys->at_range = false;
}

void settle_turns(const KeyRows &keys) {
    for (int i = keys.count - 1; i >= 0; i--) {
        const KeyLook &look = keys.looks[i];
        const bool missed = !look.tried && (!look.done || look.spared);
        if (missed || look.taken > 1)
            count_turns(ring_of(*keys.lane), hash_of_type(look.turn->key),
                        missed ? -1 : look.taken - 1);
    }
}

void give_back_all_turns(const LanePick &lane) {
    for (int i = lane.turns->count - 1; i >= 0; i--)
        count_turns(ring_of(lane), hash_of_type(lane.turns->keys[i].key), -1);
}

void hold_keys(const KeyRows &keys, TimestampTz until) {
    for (const KeyLook *look = keys.looks; look < keys.looks + keys.count; look++)
        if (look->done && look->any && look->taken == 0 && !look->spared)
            hold_key(ring_of(*keys.lane), *look->turn, Min(until, look->next));
}

} // namespace ayb
