#pragma once
// Counts the commits that changed handlers or pauses, of all databases: who keeps something that
// rests on them keeps the count with it. An atomic; no lock.
#include "memory/part.hpp"

namespace ayb {

Size configuration_size();
void init_configuration();

// 0 where the library was not preloaded.
uint64 configuration_generation();

// Never throws.
void count_configuration_change();

} // namespace ayb
