#pragma once
// The trigger that captures, in a catalog's words.
#include "pg/postgres.hpp"

namespace ayb {

// Whether a trigger that calls the function is one that captures.
bool is_capturing(Oid function);

// Has this process forget what the function is when it changes.
void install_trigger_callback();

} // namespace ayb
