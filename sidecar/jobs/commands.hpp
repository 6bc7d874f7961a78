#pragma once
// What runs, or asks for, what its payload says: by HTTP nobody makes such jobs unless told so.
#include "route/router.hpp"

namespace ayb::api {

// Throws Failure 403 where the type is one of these.
void refuse_command(const std::string &type);

} // namespace ayb::api
