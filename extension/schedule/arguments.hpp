#pragma once
// What callers say of a schedule.
#include "pg/postgres.hpp"
#include "core/ticks.hpp"
#include "core/words.hpp"

namespace ayb {

// What a tick does that finds a job of its schedule still queued or running.
enum class Overlap { skip, queue };

namespace core {
template <> struct Words<Overlap> { static constexpr const char *kWords[] = {"skip", "queue"}; };
template <> struct Words<Missed> {
    static constexpr const char *kWords[] = {"once", "all", "skip"};
};
} // namespace core

[[noreturn]] void refuse_policy(const char *name, const char *value, const char *hint);

// A policy in argument `number`, or nothing for NULL. 22023 with `hint`.
template <typename Policy>
std::optional<Policy> policy_argument(FunctionCallInfo fcinfo, int number, const char *name,
                                      const char *hint) {
    if (PG_ARGISNULL(number))
        return std::nullopt;
    Policy policy;
    const char *value = text_to_cstring(PG_GETARG_TEXT_PP(number));
    if (!core::find_word(value, &policy))
        refuse_policy(name, value, hint);
    return policy;
}

inline std::optional<Overlap> overlap_argument(FunctionCallInfo fcinfo, int number) {
    return policy_argument<Overlap>(fcinfo, number, "overlap", "It is skip or queue.");
}

inline std::optional<core::Missed> missed_argument(FunctionCallInfo fcinfo, int number) {
    return policy_argument<core::Missed>(fcinfo, number, "missed", "It is once, all or skip.");
}

} // namespace ayb
