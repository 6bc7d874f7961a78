#pragma once
// Changes of schedules.
#include "schedule/arguments.hpp"
#include "schedule/rows.hpp"

namespace ayb {

// What is to be changed; null or nothing where it stays.
struct Changes {
    const char *type;
    const char *cron;
    const char *zone;
    std::optional<Json> payload;
    std::optional<bool> enabled;
    std::optional<int> max_attempts;
    std::optional<Overlap> overlap;
    std::optional<core::Missed> missed;
    bool keep_next; // where it is disabled
    Oid run_as;     // InvalidOid where it stays
};

// Writes them to a schedule that is locked, with the next tick that follows from them. updated_at
// moves only where something changes. 22023 for a rule or zone that has none. Inside the books.
void write_changes(const Schedule &old, const Changes &changes, TimestampTz now);

} // namespace ayb
