#pragma once
// What the built-in types take as their payload. A handler of anybody's own decides that itself.
#include "pg/postgres.hpp"

namespace ayb {

// For a type whose handler is built in. Raises 22023 where one of the payloads (jsonb) is neither
// an object nor null, has a key that the type doesn't know, or gives one thing by two names
// differently: a clean-up whose schema is misspelt must not clean another one.
void check_payloads(const char *type, const Datum *payloads, int count);

} // namespace ayb
