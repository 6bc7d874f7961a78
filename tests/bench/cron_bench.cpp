#include <algorithm>
#include <chrono>
#include <cstdio>
#include <cstdlib>
#include <new>
#include <string>
#include <vector>

#include "core/cron.hpp"
#include "tzif_zone.hpp"

/* Prints what parsing and next_instant cost; judges nothing. Allocations are counted as well. */
namespace {
std::size_t allocations = 0;
}

void *operator new(std::size_t size) {
    ++allocations;
    if (void *p = std::malloc(size))
        return p;
    throw std::bad_alloc();
}
void operator delete(void *p) noexcept { std::free(p); }
void operator delete(void *p, std::size_t) noexcept { std::free(p); }

namespace {

using namespace ayb;
using Clock = std::chrono::steady_clock;

double microseconds(Clock::duration d) {
    return std::chrono::duration<double, std::micro>(d).count();
}

/* One call, from many references: `stride` seconds apart from 2026 on. */
void measure(const char *expr, const char *zone_name, std::int64_t stride) {
    const test::TzifZone zone = test::TzifZone::load(zone_name);
    const core::CronRule rule = core::parse_cron(expr);
    constexpr int kCalls = 2000;
    std::vector<double> cost;
    cost.reserve(kCalls);
    std::int64_t sink = 0;
    const std::size_t before = allocations;
    for (int i = 0; i < kCalls; ++i) {
        const auto begin = Clock::now();
        sink += core::next_instant(rule, zone, 1767225600 + i * stride).value_or(0);
        cost.push_back(microseconds(Clock::now() - begin));
    }
    const std::size_t allocated = allocations - before;
    std::sort(cost.begin(), cost.end());
    std::printf("%-22s %-20s median %8.3f us   p99 %8.3f us   worst %8.3f us   %zu allocations%s\n",
                expr, zone_name, cost[kCalls / 2], cost[kCalls * 99 / 100], cost.back(), allocated,
                sink == 1 ? " " : "");
}

void measure_parse(const char *expr) {
    constexpr int kCalls = 20000;
    std::uint64_t sink = 0;
    const auto begin = Clock::now();
    for (int i = 0; i < kCalls; ++i)
        sink += core::parse_cron(expr).minutes;
    std::printf("parse %-42s mean   %8.3f us%s\n", expr,
                microseconds(Clock::now() - begin) / kCalls, sink == 1 ? " " : "");
}

} // namespace

int main() {
    constexpr std::int64_t kPart = 7919 * 13;  /* seconds: over 6 years in all */
    constexpr std::int64_t kLeap = 86400 * 70; /* over 380 years in all */
    for (const char *expr : {"*/15 * * * *", "0 * * * *", "30 2 * * *", "0 9 * * 1-5", "0 0 1 * *",
                             "0 0 L * *", "0 0 1 1 *"})
        for (const char *zone : {"UTC", "Europe/Berlin", "America/New_York"})
            measure(expr, zone, kPart);
    for (const char *expr : {"0 0 29 2 *", "0 0 * 2 0#5", "0 0 29 2 */7", "*/15 2 * 3 0#2"})
        for (const char *zone : {"UTC", "Europe/Berlin", "America/New_York"})
            measure(expr, zone, kLeap);
    for (const char *expr :
         {"*/15 * * * *", "0 0 13 * 5", "0 0 1,L,LW 2-12/2 mon#2,tue,FRIL", "@daily"})
        measure_parse(expr);
}
