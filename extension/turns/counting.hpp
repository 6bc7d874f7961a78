#pragma once
// Who claims while a type gets a limit. A transaction outside that claims jobs of a type without
// one takes no places, and may be open for long: whoever counts what runs (count_limit) doesn't see
// its jobs. So it holds a lock until it ends, as of an object of its own that nobody else names,
// and what runs is counted when nobody has one. Who claims later finds the limit, and takes places.
#include "turns/limits.hpp"

namespace ayb {

// This transaction is about to claim jobs of the type. Waits for a moment at most.
void hold_count(const LimitKey &key);

// Whether no transaction that claimed before there was a limit is open. In a transaction.
bool may_count(const LimitKey &key);

} // namespace ayb
