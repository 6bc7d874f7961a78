#pragma once
// What floors (core/floor.hpp) are made of here.
#include "core/floor.hpp"
#include "core/uuid7.hpp"
#include "memory/part.hpp"

namespace ayb {

using core::Floor;
using core::FloorMark;

// A place in the order in which jobs of a lane are claimed.
struct Position {
    TimestampTz run_at;
    core::Uuid id;
};

inline bool operator<(const Position &one, const Position &other) {
    if (one.run_at != other.run_at)
        return one.run_at < other.run_at;
    return one.id < other.id;
}

using TimeFloor = Floor<TimestampTz>;
using TimeMark = FloorMark<TimestampTz>;

inline constexpr Position kBegin{DT_NOBEGIN, {}};
inline constexpr Position kEnd{DT_NOEND, {}}; // at or before any row that is due at 'infinity'

Size floors_size();
void init_floors();

// Above whatever a floor that was opened earlier has counted: of one that is opened with it, no
// mark of an earlier one in its place raises it. Never throws.
uint64 new_life();

} // namespace ayb
