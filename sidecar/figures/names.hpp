#pragma once
// Every metric of /metrics: the one place for their names, what each is, and what it says.
#include <string>
#include <vector>

namespace ayb::figures {

enum class Kind { gauge, counter, histogram };
// Whose it is: a database's, which every sidecar before it exports alike, or the process's own.
enum class Of { database, process };

struct Metric {
    const char *name;
    Kind kind;
    Of of;
    const char *help;
};

const std::vector<Metric> &all_metrics();

} // namespace ayb::figures
