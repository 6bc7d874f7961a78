#include "jobs/key_rows.hpp"

#include "base/arguments.hpp"
#include "base/columns.hpp"
#include "jobs/lane_place.hpp"
#include "jobs/lane_rows.hpp"

namespace ayb {

namespace {

constexpr int kMostProbes = 64; // of a search
constexpr int kMostFound = 8;   // of its keys have a turn at once
constexpr AttrNumber kKeyColumn = 2;
constexpr AttrNumber kOrderColumn = 3; // priority, id

bool g_found_first; // turns of what a search found: every other time

RingKey ring_of(const LanePick &lane) { return ring_key(lane.role, lane.type); }

Position order_of(const RawRange &rows) {
    bool null;
    return {DatumGetInt16(slot_getattr(rows.row, kPriority, &null)), position_of(rows).id};
}

void bind_lane(const LanePick &lane, RawRange *rows) {
    unbound_range(rows);
    bound_range(rows, 1, BTEqualStrategyNumber, F_INT8EQ, Int64GetDatum(place_of(lane)));
}

// To the key's rows behind the last that was read, or from its floor on.
void begin_key(const KeyRows &keys, const KeyLook &look, RawRange *rows) {
    const Position &from = look.any ? look.last : look.turn->mark.at;
    const RawBound order[] = {
        {F_BTINT2CMP, INT2OID, Int16GetDatum(static_cast<int16>(from.run_at))},
        {F_UUID_CMP, UUIDOID, uuid_datum(from.id)}};
    bind_lane(*keys.lane, rows);
    bound_range(rows, kKeyColumn, BTEqualStrategyNumber, F_TEXTEQ,
                CStringGetTextDatum(look.turn->key));
    if (kBegin < from)
        range_compares(rows, look.any ? BTGreaterStrategyNumber : BTGreaterEqualStrategyNumber,
                       kOrderColumn, order, lengthof(order));
    begin_range(rows);
}

// A row of the key that is due.
bool next_of_key(KeyRows *keys, RawRange *rows, TimestampTz until, Position *at) {
    KeyLook &look = keys->looks[keys->here];
    const bool first = !look.any;
    if (!keys->at_range)
        begin_key(*keys, look, rows);
    bool found = false;
    while (!found && next_lane_row(rows, *keys->lane, DT_NOEND, at)) {
        look.last = order_of(*rows);
        if (!look.any && keys->raise)
            raise_key(ring_of(*keys->lane), *look.turn, look.last);
        look.any = true;
        found = at->run_at <= until;
    }
    if (first && !look.any && keys->raise)
        raise_key(ring_of(*keys->lane), *look.turn, kEnd);
    look.spared = found && keys->lane->turns->more;
    look.done = !found || look.spared;
    keys->left -= look.done ? 1 : 0;
    return found;
}

void turn_to_next(KeyRows *keys) {
    const int before = keys->here;
    do
        keys->here = (keys->here + 1) % keys->count;
    while (keys->looks[keys->here].done);
    keys->at_range = keys->at_range && keys->here == before;
}

void add_look(KeyRows *keys, const KeyTurn *turn) {
    keys->looks[keys->count++].turn = turn;
    keys->left++;
}

bool has_look(const KeyRows &keys, const char *key) {
    for (int i = 0; i < keys.count; i++)
        if (strcmp(keys.looks[i].turn->key, key) == 0)
            return true;
    return false;
}

// The first row behind the key. False behind the last one.
bool next_key(const LanePick &lane, RawRange *rows, char *key, Position *at) {
    bind_lane(lane, rows);
    if (key[0] != '\0')
        bound_range(rows, kKeyColumn, BTGreaterStrategyNumber, F_TEXT_GT, CStringGetTextDatum(key));
    begin_range(rows);
    Position place;
    if (!next_lane_row(rows, lane, DT_NOEND, &place))
        return false;
    bool null;
    text_to_cstring_buffer(DatumGetTextPP(slot_getattr(rows->row, kPartitionKey, &null)), key,
                           kPartitionKeyBytes);
    *at = order_of(*rows);
    return true;
}

// Keys that may be missing. Those that were found have a mark that raises nothing.
void search(KeyRows *keys, const Turns &turns, RawRange *rows) {
    auto *found = static_cast<KeyTurn *>(palloc0(kMostFound * sizeof(KeyTurn)));
    int count = 0;
    char key[kPartitionKeyBytes];
    strlcpy(key, turns.cursor, kPartitionKeyBytes);
    for (int probes = 0; probes < kMostProbes && count < kMostFound; probes++) {
        Position at;
        if (!next_key(*keys->lane, rows, key, &at)) {
            pass_key(ring_of(*keys->lane), turns.search, nullptr);
            return;
        }
        enter_key(ring_of(*keys->lane), key, at);
        if (has_look(*keys, key))
            continue;
        strlcpy(found[count].key, key, kPartitionKeyBytes);
        found[count].mark = {at, 0};
        add_look(keys, &found[count++]);
    }
    pass_key(ring_of(*keys->lane), turns.search, key);
}

} // namespace

KeyRows open_key_rows(const LanePick &lane, RawRange *rows, bool raise) {
    const Turns &turns = *lane.turns;
    KeyRows keys{};
    keys.lane = &lane;
    keys.raise = raise;
    keys.looks = static_cast<KeyLook *>(palloc0((turns.count + kMostFound) * sizeof(KeyLook)));
    for (int i = 0; i < turns.count; i++)
        add_look(&keys, &turns.keys[i]);
    if (turns.searches)
        search(&keys, turns, rows);
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

void note_taken(KeyRows *keys) { keys->looks[keys->here].taken = true; }

void skip_key(KeyRows *keys) {
    KeyLook &look = keys->looks[keys->here];
    keys->left -= look.done ? 0 : 1;
    look.done = look.spared = true; // nobody has its rows locked
    keys->at_range = false;
}

void give_back_turns(const KeyRows &keys) {
    for (int i = keys.count - 1; i >= 0; i--)
        if (!keys.looks[i].tried && (!keys.looks[i].done || keys.looks[i].spared))
            give_back_turn(ring_of(*keys.lane), *keys.looks[i].turn);
}

void give_back_all_turns(const LanePick &lane) {
    for (int i = lane.turns->count - 1; i >= 0; i--)
        give_back_turn(ring_of(lane), lane.turns->keys[i]);
}

void hold_keys(const KeyRows &keys, TimestampTz until) {
    for (const KeyLook *look = keys.looks; look < keys.looks + keys.count; look++)
        if (look->done && look->any && !look->taken && !look->spared)
            hold_key(ring_of(*keys.lane), *look->turn, until);
}

} // namespace ayb
