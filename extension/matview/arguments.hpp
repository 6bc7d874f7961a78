#pragma once
// Checks of what callers say of a materialized view.
#include "pg/postgres.hpp"

namespace ayb {

// Raises 22023 for `argument` unless the name is a plain identifier, ^[A-Za-z_][A-Za-z0-9_]*$.
void check_identifier(const char *name, const char *argument);

// The refresh mode, or null for NULL. 22023.
const char *mode_argument(FunctionCallInfo fcinfo, int number);

// A timeout in milliseconds; -1 for NULL, 0 for none. 22023.
int timeout_argument(FunctionCallInfo fcinfo, int number, const char *name);

} // namespace ayb
