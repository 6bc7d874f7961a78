#pragma once
// The statements that a database is asked for its figures by. Each row is a metric's name, its
// value and two labels, each a name and a value, which are NULL where there are fewer. $1: how many
// of what has a name of its own are shown, those that came first.
#include <string>

namespace ayb::figures {

// What is known without counting.
extern const char *const kFigures;
// What reads the queue.
extern const char *const kPhases;

} // namespace ayb::figures
