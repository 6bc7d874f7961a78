#pragma once
#include "app/settings.hpp"

namespace ayb::app {

// Serves until SIGTERM or SIGINT, then finishes what is under way. Gives back the exit status.
int serve(const Settings &settings);

} // namespace ayb::app
