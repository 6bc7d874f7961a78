#pragma once

#include <cstdint>
#include <optional>

#include "core/cron.hpp"
#include "core/zone.hpp"

/*
 * What is to be done about a schedule whose next tick has come: the policies of shared/cron.md.
 * All instants are Unix seconds.
 */
namespace ayb::core {

enum class Missed { once, all, skip };

/* The most ticks that one look at a schedule gives; what is left is due at the next look. */
inline constexpr int kMostTicks = 1000;

/* A tick less late than this is on time, for Missed::skip and for overlaps. */
inline constexpr std::int64_t kOnTime = 60;

struct TickPlan {
    int room = kMostTicks;            /* how many jobs it may be, from 1 on: the caller says */
    int count;                        /* of the ticks that are to become jobs, oldest first */
    std::int64_t ticks[kMostTicks];   /* seconds at which they were due */
    std::optional<std::int64_t> next; /* the tick after all of these; none if the rule ends */
    std::optional<std::int64_t> last_skipped; /* the latest that Missed::skip drops */
};

/*
 * Plans for a rule whose next tick is `due`, at `now` >= `due`. Allocates nothing, and looks at
 * no more than plan->room ticks one by one however long the server was down.
 */
void plan_ticks(const CronRule &rule, const Zone &zone, std::int64_t due, std::int64_t now,
                Missed missed, TickPlan *plan) noexcept;

/* The latest tick of a rule that is not after `now`, where `due` <= `now` is one of its ticks. */
std::int64_t latest_tick(const CronRule &rule, const Zone &zone, std::int64_t due,
                         std::int64_t now) noexcept;

} // namespace ayb::core
