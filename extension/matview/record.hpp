#pragma once
// What a refresh leaves in its registration.
#include "matview/outcome.hpp"

namespace ayb {

// Writes a success or an error; `sources_seen` is null where the state of the sources isn't known.
void record_refresh(const RefreshOutcome &outcome, Oid view, const char *sources_seen);

// Writes that a refresh was left out, as nothing had changed.
void record_skipped(const core::Uuid &id);

} // namespace ayb
