#pragma once
#include <stdexcept>

namespace ayb::json {

// The text is no JSON, or not of the type that is asked for.
struct Error : std::runtime_error {
    using std::runtime_error::runtime_error;
};

} // namespace ayb::json
