#pragma once
// Whether a view's sources have changed since its last refresh (docs/decisions). What isn't known
// counts as changed.
#include "matview/rows.hpp"

namespace ayb {

struct SourcesSeen {
    bool unchanged;
    const char *state; // what is known before the refresh; null for nothing
};

// Call it with the view's lock held, and before the refresh takes its snapshot.
SourcesSeen look_at_sources(const Matview &matview, Oid view);

// What to keep with the registration once the view is refreshed; null for nothing.
const char *sources_after(const SourcesSeen &seen, Oid view);

} // namespace ayb
