#pragma once
// Checks of what callers say of a schedule.
#include "pg/postgres.hpp"

namespace ayb {

// A policy: one of `first` and `second` (and `third`, unless null), or null for NULL. 22023.
const char *policy_argument(FunctionCallInfo fcinfo, int number, const char *name,
                            const char *first, const char *second, const char *third);

} // namespace ayb
