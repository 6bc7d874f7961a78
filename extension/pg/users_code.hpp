#pragma once
#include "pg/postgres.hpp"

namespace ayb {

inline bool is_users_function(Oid function, void * /*context*/) {
    return function >= FirstNormalObjectId;
}

// Whether an expression calls what PostgreSQL doesn't bring. What that brings needs neither a role
// nor a search_path of its own, and asks no table.
inline bool calls_users_code(Node *node, void *context) {
    if (node == nullptr)
        return false;
    return check_functions_in_node(node, is_users_function, context) ||
           walk_expression(node, calls_users_code, context);
}

} // namespace ayb
