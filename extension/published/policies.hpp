#pragma once
#include "pg/postgres.hpp"

extern "C" {
#include "rewrite/rowsecurity.h"
}

namespace ayb {

// Whether `is` holds for any policy of the open table; false where row-level security is off.
template <typename Is> bool any_policy(Relation table, Is is) {
    if (!table->rd_rel->relrowsecurity || table->rd_rsdesc == nullptr)
        return false;
    ListCell *cell;
    foreach (cell, table->rd_rsdesc->policies)
        if (is(*static_cast<RowSecurityPolicy *>(lfirst(cell))))
            return true;
    return false;
}

} // namespace ayb
