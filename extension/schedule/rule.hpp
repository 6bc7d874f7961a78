#pragma once
// Cron expressions as SQL gives them.
#include "core/cron.hpp"
#include "pg/wall.hpp"
#include "pg/zone.hpp"

namespace ayb {

// False where the expression is none; then `*failure` says which field, and what it would take.
bool parse_rule(const char *expr, core::CronRule *rule, CoreFailure *failure);

// As above, but raises 22023 for `argument`.
core::CronRule require_rule(const char *expr, const char *argument = "cron_expr");

// The first tick strictly after `after`; DT_NOEND where there is none.
TimestampTz next_tick(const core::CronRule &rule, pg_tz *zone, TimestampTz after);

// As above, but raises 22023 for a rule that never comes to run in the zone.
TimestampTz require_next_tick(const core::CronRule &rule, pg_tz *zone, TimestampTz after);

} // namespace ayb
