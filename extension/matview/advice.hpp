#pragma once
#include "pg/postgres.hpp"

namespace ayb {

// The CREATE UNIQUE INDEX that a concurrent refresh of the view needs; null where one of its
// columns can't be in such an index. Palloc'd.
const char *unique_index_advice(Oid view);

} // namespace ayb
