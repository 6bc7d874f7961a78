#pragma once
// What shared memory knows a job by, beside its id.
#include "pg/postgres.hpp"
#include "core/state.hpp"

namespace ayb {

using core::kStates;
using core::State;
using core::WaitsFor;

inline constexpr int kTypeBytes = 404; // a type's name: 100 characters of four bytes, and the end

// Under which tables find a type. Two may have the same.
uint64 hash_of_type(const char *type);

} // namespace ayb
