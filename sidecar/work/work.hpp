#pragma once
// `ayb-jobs work`: any program is a worker.
#include "work/desk.hpp"
#include "work/options.hpp"

namespace ayb::work {

// Works until SIGTERM, SIGINT or SIGHUP, then lets running programs end, for options.grace at the
// longest; a second signal ends them at once. Throws std::runtime_error where it can't begin.
void work(const Options &options, const Note &note);

} // namespace ayb::work
