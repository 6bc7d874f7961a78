#pragma once
// `ayb-jobs work`: any program is a worker.
#include "work/options.hpp"

#include <functional>

namespace ayb::work {

// Told, for the log, what happens, and to which job, or "".
using Note = std::function<void(const std::string &what, const std::string &job)>;

// Works until SIGTERM, SIGINT or SIGHUP, then lets running programs end, for options.grace at the
// longest; a second signal ends them at once. Throws std::runtime_error where it can't begin.
void work(const Options &options, const Note &note);

} // namespace ayb::work
