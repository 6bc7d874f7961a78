#include <gtest/gtest.h>

#include <map>

#include "core/cron.hpp"
#include "core/error.hpp"
#include "cron_table.hpp"
#include "tzif_zone.hpp"

/* Every row of shared/cron-cases, as copied to tests/unit/data. */
namespace ayb::test {
namespace {

const TzifZone &zone(const std::string &name) {
    static std::map<std::string, TzifZone> zones;
    return zones.try_emplace(name, TzifZone::load(name)).first->second;
}

class NextRun : public testing::TestWithParam<const char *> {};

TEST_P(NextRun, IsWhatTheTableSays) {
    std::size_t rows = 0;
    for (const auto &row : read_rows(GetParam())) {
        ASSERT_GE(row.size(), 4U);
        SCOPED_TRACE(row[0] + " in " + row[1] + " after " + row[2]);
        const core::CronRule rule = core::parse_cron(row[0]);
        const auto next = core::next_instant(rule, zone(row[1]), instant(row[2]));
        ASSERT_TRUE(next.has_value());
        EXPECT_EQ(text(*next), row[3]);
        ++rows;
    }
    EXPECT_GE(rows, 12U);
    RecordProperty("rows", static_cast<int>(rows));
    std::cout << GetParam() << ": " << rows << " rows\n";
}

INSTANTIATE_TEST_SUITE_P(Table, NextRun, testing::Values("next.tsv", "dst.tsv", "every.tsv"));

TEST(InvalidExpressions, AreRefusedWithAReason) {
    const auto rows = read_rows("invalid.tsv");
    for (const auto &row : rows) {
        SCOPED_TRACE(row[0]);
        try {
            core::parse_cron(unescape(row[0]));
            ADD_FAILURE() << "taken, though: " << row.at(1);
        } catch (const core::Error &error) {
            EXPECT_EQ(error.sqlstate, "22023");
            EXPECT_EQ(error.message, "invalid cron expression");
            EXPECT_NE(error.detail.find("take"), std::string::npos) << error.detail;
            EXPECT_LT(error.detail.size(), 400U);
        }
    }
    EXPECT_GE(rows.size(), 120U);
    std::cout << "invalid.tsv: " << rows.size() << " rows\n";
}

} // namespace
} // namespace ayb::test
