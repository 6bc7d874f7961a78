#include "core/ticks.hpp"

namespace ayb::core {

namespace {

/* The ticks from `from` (one of them) on, as long as they are not after `now` and there is room. */
void take_each(const CronRule &rule, const Zone &zone, std::int64_t from, std::int64_t now,
               TickPlan *plan) noexcept {
    plan->next = from;
    while (plan->next && *plan->next <= now && plan->count < plan->room) {
        plan->ticks[plan->count++] = *plan->next;
        plan->next = next_instant(rule, zone, *plan->next);
    }
}

void take_latest(const CronRule &rule, const Zone &zone, std::int64_t due, std::int64_t now,
                 TickPlan *plan) noexcept {
    plan->ticks[plan->count++] = latest_tick(rule, zone, due, now);
    plan->next = next_instant(rule, zone, plan->ticks[0]);
}

void take_on_time(const CronRule &rule, const Zone &zone, std::int64_t due, std::int64_t now,
                  TickPlan *plan) noexcept {
    const std::int64_t too_late = now - kOnTime;
    if (due > too_late) {
        take_each(rule, zone, due, now, plan);
        return;
    }
    plan->last_skipped = latest_tick(rule, zone, due, too_late);
    plan->next = next_instant(rule, zone, *plan->last_skipped);
    if (plan->next)
        take_each(rule, zone, *plan->next, now, plan);
}

} // namespace

std::int64_t latest_tick(const CronRule &rule, const Zone &zone, std::int64_t due,
                         std::int64_t now) noexcept {
    if (rule.interval > 0)
        return due + (now - due) / rule.interval * rule.interval;
    /* Bisection: a tick lies in (low, now], none in (high, now]. Each step is one look-up. */
    std::int64_t latest = due;
    std::int64_t high = now;
    while (latest < high) {
        const std::int64_t middle = latest + (high - latest) / 2;
        const std::optional<std::int64_t> tick = next_instant(rule, zone, middle);
        if (tick && *tick <= now)
            latest = *tick;
        else
            high = middle;
    }
    return latest;
}

void plan_ticks(const CronRule &rule, const Zone &zone, std::int64_t due, std::int64_t now,
                Missed missed, TickPlan *plan) noexcept {
    plan->count = 0;
    plan->next.reset();
    plan->last_skipped.reset();
    switch (missed) {
    case Missed::once:
        take_latest(rule, zone, due, now, plan);
        break;
    case Missed::all:
        take_each(rule, zone, due, now, plan);
        break;
    case Missed::skip:
        take_on_time(rule, zone, due, now, plan);
        break;
    }
}

} // namespace ayb::core
