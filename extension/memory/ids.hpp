#pragma once
// The last instant that an id was made of, of all databases: so that a clock that is set back
// doesn't put new jobs before old ones. An atomic; no lock.
#include "core/uuid7.hpp"
#include "memory/part.hpp"

namespace ayb {

Size ids_size();
void init_ids();

// Where the library was not preloaded it is this process's own.
core::Uuid7Sequence &id_sequence();

} // namespace ayb
