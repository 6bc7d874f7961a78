#pragma once
// Floors: lower bounds in shared memory, from which looks at the tables begin, so that nobody walks
// over what is gone and an old snapshot still holds. Nothing that counts lies before a floor.
//
// Commits lower it. Who reads the table may raise it to the first row that the snapshot showed,
// locked or not, and the order is all that makes it sound:
//
//   the commit:  its rows become visible, then its callback counts itself and lowers (lower_floor)
//   the reader:  takes a mark (mark_floor), then its snapshot, then raises (raise_floor)
//
// A commit counted before the mark was visible to the snapshot, so its row is not before the first.
// One counted after the mark may have been missed: `lowest` keeps the first row of all that were
// counted since the floor was last raised, and the floor never rises above it. One that isn't
// counted yet will lower the floor, whatever that is by then. A rollback changes nothing, as locks
// don't hide rows from the reader; its own changes would: it looks before it makes any.
//
// A raise ends the count in `lowest`, so it is refused to whoever took the mark before the last one
// and before some commit; of all readers, the first always succeeds. See
// docs/decisions/020.
//
// Whoever calls holds the lock that guards the floor.
#include <cstdint>

namespace ayb::core {

template <typename Key> struct FloorMark {
    Key at;
    uint64_t commits;
};

template <typename Key> struct Floor {
    Key at;           // nothing lies before it
    Key lowest;       // the first of what was committed since the last raise
    uint64_t commits; // counted ever
    uint64_t settled; // of these, when it was last raised
};

// A floor that knows nothing. `life` is above whatever marks of an earlier one have counted, so
// that none of them raises this one.
template <typename Key>
void open_floor(Floor<Key> *floor, const Key &begin, const Key &end, uint64_t life) {
    *floor = Floor<Key>{begin, end, life, life};
}

// Counts a commit, and lowers the floor to `key` at most.
template <typename Key> void lower_floor(Floor<Key> *floor, const Key &key) {
    floor->commits++;
    if (key < floor->at)
        floor->at = key;
    if (key < floor->lowest)
        floor->lowest = key;
}

template <typename Key> FloorMark<Key> mark_floor(const Floor<Key> &floor) {
    return FloorMark<Key>{floor.at, floor.commits};
}

// Raises the floor to `first`, which is `end` where the snapshot showed no row, as far as commits
// since the mark allow. False, and nothing is done, where somebody else raised it meanwhile.
template <typename Key>
bool raise_floor(Floor<Key> *floor, const FloorMark<Key> &mark, const Key &first, const Key &end) {
    if (mark.commits < floor->settled)
        return false;
    const bool missed = mark.commits < floor->commits; // something, perhaps
    const Key safe = missed && floor->lowest < first ? floor->lowest : first;
    if (floor->at < safe)
        floor->at = safe;
    floor->lowest = end;
    floor->settled = floor->commits;
    return true;
}

} // namespace ayb::core
