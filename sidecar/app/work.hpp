#pragma once
#include "work/options.hpp"

namespace ayb::app {

// Works until it is told to stop. Gives back the exit status.
int work(const work::Options &options);

} // namespace ayb::app
