#pragma once
// What shared memory knows a job by, beside its id.
#include "pg/postgres.hpp"

namespace ayb {

// The states of a job, in the order in which counts of them are kept.
enum class State : int { queued, running, completed, failed, canceled };
constexpr int kStates = 5;
const char *state_name(State state);

constexpr int kTypeBytes = 404; // a type's name: 100 characters of four bytes, and the end

// Under which tables find a type. Two may have the same.
uint64 hash_of_type(const char *type);

} // namespace ayb
