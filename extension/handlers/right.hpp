#pragma once
// Who may say when jobs of a type start.
#include "base/rights.hpp"

namespace ayb {

// Raises 42501 unless the caller may: for a type who registered it, for null (all of the database)
// its owner, and for both who has the right. Needs a snapshot.
void check_right(const char *type, Right right);

} // namespace ayb
