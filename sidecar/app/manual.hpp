#pragma once
#include <string>

namespace ayb::app {

// The manual page, as mdoc(7): what it says of commands and settings is what their tables say.
std::string manual();

} // namespace ayb::app
