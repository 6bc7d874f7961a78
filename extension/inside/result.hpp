#pragma once
// What a command's procedure, which returns nothing, gives back as its job's result.
#include "pg/postgres.hpp"

namespace ayb {

void forget_result();

// As jsonb, or 0 where none was set since forget_result().
Datum taken_result();

} // namespace ayb
