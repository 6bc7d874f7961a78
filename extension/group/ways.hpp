#pragma once
// Which way a type's jobs go, and why.
//
//   leased -> its runs have proved quick -> grouped
//          <- a job overstayed, several failed, the commit failed, it left traces in the session,
//             its worker ended inside a group: for a second, or a minute, doubled each time. One
//             incident counts once, however many groups it hit.
#include "handlers/handlers.hpp"
#include "records/type_stats.hpp"

namespace ayb {

enum class Why : int {
    quick,      // grouped
    kind,       // no function
    registered, // grouped => false
    size,       // ayb_jobs.group_size = 1
    timeout,    // it would have to be canceled before the group's budget is over
    crash,      // the server crashed a moment ago
    struck,     // it lost the grouped way; the record says how
    unmeasured, // not enough runs yet
    slow,       // they usually take too long
};

struct Way {
    bool grouped;
    Why why;
    TypeRecord record; // by which that was decided
};

// The way that jobs of this handler go as `role`.
Way way_of(const Handler &handler, Oid role);

// The types of which the role's jobs go grouped now, as text[] in the current memory context.
ArrayType *grouped_types(Oid role);

} // namespace ayb
