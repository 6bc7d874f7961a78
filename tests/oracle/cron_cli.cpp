#include <cstdlib>
#include <iostream>
#include <map>
#include <string>

#include "core/cron.hpp"
#include "core/error.hpp"
#include "tzif_zone.hpp"

/*
 * The engine for other programs. Reads lines "expression TAB zone TAB reference", the reference in
 * Unix seconds, and answers each with one line: Unix seconds, "none", or "error: " and the detail.
 * A fourth cell "describe" asks for the English instead. A zone "offset:3600" never changes.
 */
namespace {

using namespace ayb;

const core::Zone &zone(const std::string &name) {
    static std::map<std::string, test::TzifZone> zones;
    const auto found = zones.find(name);
    return found != zones.end() ? found->second
                                : zones.emplace(name, test::TzifZone::load(name)).first->second;
}

std::optional<std::int64_t> next(const core::CronRule &rule, const std::string &zone_name,
                                 std::int64_t after) {
    if (zone_name.compare(0, 7, "offset:") != 0)
        return core::next_instant(rule, zone(zone_name), after);
    const core::FixedZone fixed(std::atoi(zone_name.c_str() + 7));
    return core::next_instant(rule, fixed, after);
}

std::string answer(const std::string &line) {
    const std::size_t tab = line.find('\t');
    const std::size_t tab2 = line.find('\t', tab + 1);
    const std::size_t tab3 = line.find('\t', tab2 + 1);
    if (tab == std::string::npos || tab2 == std::string::npos)
        return "error: three cells wanted";
    const std::string zone_name = line.substr(tab + 1, tab2 - tab - 1);
    try {
        const core::CronRule rule = core::parse_cron(line.substr(0, tab));
        if (tab3 != std::string::npos)
            return core::describe_cron(rule, zone_name);
        const auto found =
            next(rule, zone_name, std::strtoll(line.c_str() + tab2 + 1, nullptr, 10));
        return found ? std::to_string(*found) : "none";
    } catch (const core::Error &error) {
        return "error: " + error.detail;
    }
}

} // namespace

int main() {
    for (std::string line; std::getline(std::cin, line);)
        std::cout << answer(line) << '\n';
}
