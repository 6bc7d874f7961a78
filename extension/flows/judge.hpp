#pragma once
// What becomes of children that wait, as the newest snapshot shows their parents. Inside the books,
// each in a transaction that keeps no snapshot.
#include "memory/kin_marks.hpp"

namespace ayb {

inline constexpr int kChildrenAtOnce = 1000; // in one transaction

struct Children {
    core::Uuid *ids;
    int count;
};

// What is asked about.
struct Asked {
    KinLook *looks;
    int count;
};

// Those that the end of one of these jobs may concern, and these themselves. In `memory`.
Children children_of(const Asked &asked, MemoryContext memory);

// Lets them go on, has them watch another parent, or cancels them: by the jobs that are asked
// about, or by all of their parents. Gives back those that somebody has locked, in `memory`.
Children judge_children(const Children &children, const Asked &asked, MemoryContext memory);

} // namespace ayb
