#pragma once
// What a handler has said by add_log(): kept in the process until the attempt is recorded, also
// where that fails and all else is rolled back. A process that ends takes it along.
#include "pg/postgres.hpp"

namespace ayb {

inline constexpr int kLogLines = 1000; // the last ones
inline constexpr Size kLogBytes = 65536;
inline constexpr int kLogMessageBytes = 8192;

// Forgets what was said. Called before each run of a handler, and before one in a group.
void forget_log();

// All of it, as jsonb in `context`: an array of {"at", "level", "message"}; 0 where nothing was
// said. Adds its bytes to `*bytes`.
Datum said_log(MemoryContext context, Size *bytes);

// The word for how grave it is in argument `number`, and the message in the one before, clipped.
// 22004, 22023. Palloc'd.
struct LogLine {
    const char *message;
    const char *level;
};
LogLine log_arguments(FunctionCallInfo fcinfo, int message);

} // namespace ayb
