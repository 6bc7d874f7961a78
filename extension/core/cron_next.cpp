#include "core/cron.hpp"

#include <algorithm>

#include "core/civil.hpp"
#include "core/cron_calendar.hpp"

namespace ayb::core {
namespace {

/* Offsets lie within 16 h of UTC, so no transition moves local time by more than 32 h. */
constexpr std::int64_t kLookBack = 2 * kSecondsPerDay;
constexpr std::int64_t kLandBefore = 3 * kSecondsPerDay;

/* cron.md: an offset jump of more than three hours is a skipped day, not a gap. */
constexpr std::int64_t kWidestGap = 3 * 3600;

/*
 * How far to look. From 2100 on every zone follows a yearly rule, which repeats with the calendar
 * after 400 years: a rule whose every time fell into a gap until then never runs.
 */
constexpr std::int64_t kLastIrregular = 4102444800; /* 2100-01-01 */
constexpr std::int64_t kCycle = 146097 * kSecondsPerDay + kLandBefore;

/*
 * Walks the zone's segments (stretches of one offset) from the reference on.
 *
 *   instant     ---- start ================ end ---- ...
 *   local time       start + offset         end + offset -> end + next.after
 */
class Walk {
  public:
    Walk(const CronRule &rule, const Zone &zone, std::int64_t after) noexcept
        : rule_(rule), zone_(zone), after_(after) {}

    std::optional<std::int64_t> run() noexcept {
        enter_first_segment();
        const std::int64_t horizon =
            std::min(kEndInstant, std::max(after_, kLastIrregular) + kCycle);
        for (;;) {
            if (!find_match(earliest_local()))
                return std::nullopt;
            const std::int64_t instant = match_ - offset_;
            if (instant >= horizon + kLookBack)
                return std::nullopt;
            Transition next{};
            const bool ends = zone_.next_transition(start_, &next);
            if (!ends || instant < next.instant)
                return instant < kEndInstant ? std::optional(instant) : std::nullopt;
            if (next.instant >= horizon)
                return std::nullopt;
            if (catches_up(next))
                return next.instant;
            if (!leap(next.instant))
                enter(next);
        }
    }

  private:
    /* The reference's segment. A fixed rule begins earlier, to know which local times are past. */
    void enter_first_segment() noexcept {
        start_ = rule_.wildcard ? after_ : after_ - kLookBack;
        offset_ = zone_.offset_at(start_);
        if (rule_.wildcard)
            return;
        for (Transition next{}; zone_.next_transition(start_, &next) && next.instant <= after_;)
            enter(next);
    }

    void enter(const Transition &next) noexcept {
        past_ = std::max(past_, next.instant + offset_);
        start_ = next.instant;
        offset_ = next.after;
    }

    /* A fixed rule skips the second pass of an overlap: those local times are past already. */
    std::int64_t earliest_local() const noexcept {
        const std::int64_t local = std::max(start_, after_ + 1) + offset_;
        return rule_.wildcard ? local : std::max(local, past_);
    }

    /* Sets match_ to the first match at or after `local`; the last answer often still holds. */
    bool find_match(std::int64_t local) noexcept {
        if (known_ && searched_from_ <= local && local <= match_)
            return true;
        const std::optional<std::int64_t> found = next_local_time(rule_, local);
        known_ = found.has_value();
        searched_from_ = local;
        match_ = found.value_or(0);
        return known_;
    }

    /* True when the segment's end is a gap that swallows the match of a fixed rule. */
    bool catches_up(const Transition &next) const noexcept {
        const std::int64_t width = next.after - offset_;
        return !rule_.wildcard && width > 0 && width <= kWidestGap &&
               match_ < next.instant + next.after;
    }

    /*
     * Goes straight to a few days before a far match: what lies between can only repeat local times
     * that were searched already, since `end` is further from the search's begin than any
     * transition can turn local time back.
     */
    bool leap(std::int64_t end) noexcept {
        const std::int64_t target = match_ - kLandBefore;
        if (target <= end || end - std::max(start_, after_) < kLookBack)
            return false;
        start_ = target;
        offset_ = zone_.offset_at(start_);
        return true;
    }

    const CronRule &rule_;
    const Zone &zone_;
    const std::int64_t after_;

    std::int64_t start_ = 0;
    std::int32_t offset_ = 0;
    std::int64_t past_ = INT64_MIN; /* local times before this have had their turn */
    bool known_ = false;
    std::int64_t searched_from_ = 0;
    std::int64_t match_ = 0;
};

} // namespace

std::optional<std::int64_t> next_instant(const CronRule &rule, const Zone &zone,
                                         std::int64_t after) noexcept {
    after = std::max(after, kFirstInstant - 1);
    if (after >= kEndInstant - 1)
        return std::nullopt;
    if (rule.interval == 0)
        return Walk(rule, zone, after).run();
    const std::int64_t next = after + rule.interval;
    return next < kEndInstant ? std::optional(next) : std::nullopt;
}

} // namespace ayb::core
