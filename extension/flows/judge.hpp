#pragma once
// What becomes of children that wait, as the newest snapshot shows their parents. Inside the books,
// each in a transaction that keeps no snapshot.
#include "core/uuid7.hpp"

namespace ayb {

inline constexpr int kChildrenAtOnce = 1000; // in one transaction

struct Children {
    core::Uuid *ids;
    int count;
};

// Those that the end of one of these jobs may concern, and these themselves. In `memory`.
Children children_of(const core::Uuid *ids, int count, MemoryContext memory);

// Lets them go on, has them watch another parent, or cancels them; `ended` are the jobs by which
// that was asked for, if any. Gives back those that somebody has locked, in `memory`.
Children judge_children(const Children &children, const core::Uuid *ended, int ended_count,
                        MemoryContext memory);

} // namespace ayb
