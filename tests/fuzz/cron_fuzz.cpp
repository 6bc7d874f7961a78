#include <cstdint>
#include <cstdlib>
#include <cstring>
#include <string_view>

#include "core/cron.hpp"
#include "core/error.hpp"
#include "tzif_zone.hpp"

/*
 * libFuzzer target. The first eight bytes are the reference, the ninth picks the zone and whether
 * the reference is brought into this era, the rest is the expression.
 *
 * Holds: nothing but core::Error leaves the parser; next is strictly after its reference, inside
 * PostgreSQL's range, and asked again from just before its answer gives the same answer.
 */
namespace {

using namespace ayb;

void check(bool holds) {
    if (!holds)
        std::abort();
}

const core::Zone &zone(unsigned choice) {
    static const test::TzifZone zones[] = {test::TzifZone::load("UTC"),
                                           test::TzifZone::load("America/New_York"),
                                           test::TzifZone::load("Europe/Dublin"),
                                           test::TzifZone::load("Australia/Lord_Howe"),
                                           test::TzifZone::load("Pacific/Apia"),
                                           test::TzifZone::load("Africa/Casablanca"),
                                           test::TzifZone::load("Pacific/Kwajalein")};
    return zones[choice % (sizeof zones / sizeof *zones)];
}

void check_next(const core::CronRule &rule, const core::Zone &zone, std::int64_t after) {
    const auto next = core::next_instant(rule, zone, after);
    if (!next)
        return;
    check(*next > after && *next < core::kEndInstant);
    check(*next >= core::kFirstInstant - 1);
    if (rule.interval == 0) {
        check(core::next_instant(rule, zone, *next - 1) == next);
        const auto later = core::next_instant(rule, zone, *next);
        check(!later || *later > *next);
    }
}

} // namespace

extern "C" int LLVMFuzzerTestOneInput(const std::uint8_t *data, std::size_t size) {
    if (size < 9)
        return 0;
    std::int64_t after = 0;
    std::memcpy(&after, data, sizeof after);
    if ((data[8] & 0x80) != 0)
        after %= std::int64_t{1} << 33;
    const std::string_view expr(reinterpret_cast<const char *>(data) + 9, size - 9);
    try {
        const core::CronRule rule = core::parse_cron(expr);
        check(!core::describe_cron(rule, "Europe/Berlin").empty());
        check_next(rule, zone(data[8] & 0x7F), after);
    } catch (const core::Error &error) {
        check(error.sqlstate.size() == 5 && !error.detail.empty());
    }
    return 0;
}
