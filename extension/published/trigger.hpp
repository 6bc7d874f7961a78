#pragma once
// The trigger that captures, in a catalog's words.
#include "pg/postgres.hpp"

namespace ayb {

// Whether a trigger that calls the function is one that captures.
bool is_capturing(Oid function);

// Adds a number to the one that stands for what something is …
uint64 add_to_stamp(uint64 stamp, Oid oid);
// … and a catalog's row by who wrote it, and by which of its commands: one that was replaced and
// put back is another one.
uint64 add_version_to_stamp(uint64 stamp, HeapTuple row);

// Has this process forget what the function is when it changes.
void install_trigger_callback();

} // namespace ayb
