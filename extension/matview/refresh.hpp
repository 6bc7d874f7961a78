#pragma once
// One refresh, from the registration to the record of it.
//
//   registration -> view still there -> lock -> (concurrent: populated, unique index) -> unchanged?
//   -> the statement -> the record
//
// What fails on the way is an outcome, not an error. The lock is AYB's: pg_advisory_xact_lock of
// hashtext('schema.view'); it is kept until the transaction ends.
#include "matview/outcome.hpp"

namespace ayb {

// Raises P0002 for an unknown id, 42501 where the caller is neither the view's owner nor an admin,
// and the cancel that came from outside.
RefreshOutcome refresh_matview(const core::Uuid &id);

} // namespace ayb
