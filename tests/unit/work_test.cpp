// What of `ayb-jobs work` needs neither programs nor a database.
#include "work/launch.hpp"
#include "work/lines.hpp"

#include <gtest/gtest.h>

using namespace ayb::work;

namespace {

Job job() {
    return {"an-id", "resize", "{}", 3, 5, "2026-01-31T12:00:00Z", std::nullopt, std::nullopt};
}

Ending exited(int code, const std::string &out = "", const std::string &err = "") {
    Ending ending;
    ending.status = code << 8;
    ending.out = out;
    ending.err = err;
    return ending;
}

std::string result(const std::string &out) {
    const Output output = result_of(out);
    return output.wrong.empty() ? output.result.value_or("none") : "wrong";
}

Options read(const std::vector<std::string> &words) { return read_options(words); }

} // namespace

TEST(WorkResult, IsJsonOrText) {
    EXPECT_EQ(result("{\"a\": 1}\n"), "{\"a\": 1}\n");
    EXPECT_EQ(result("a \"b\"\r\n\n"), "\"a \\\"b\\\"\"");
    EXPECT_EQ(result(" "), "\" \"");
    EXPECT_EQ(result(""), "none");
    EXPECT_EQ(result("\n"), "none");
    EXPECT_EQ(result("\"\\\\u0000\""), "\"\\\\u0000\"");
    EXPECT_EQ(result("\"\\ud800\""), "\"\\\"\\\\ud800\\\"\"");
    EXPECT_EQ(result(std::string(600, '[') + std::string(600, ']')).front(), '"');
}

TEST(WorkResult, CanNotBeWhatPostgresRefuses) {
    EXPECT_EQ(result(std::string("a\0b", 3)), "wrong");
    EXPECT_EQ(result("\"\\u0000\""), "wrong");
    EXPECT_EQ(result("[\"\\\\\\u0000\"]"), "wrong");
    EXPECT_EQ(result("\xff"), "wrong");
    EXPECT_EQ(result("\xc3"), "wrong");
    EXPECT_EQ(result("\xed\xa0\x80"), "wrong");
    EXPECT_EQ(result(std::string(kLongestOutput + 1, '1')), "wrong");
    std::string powers = "[1";
    for (int i = 0; i < 200; i++)
        powers += ",1e131071"; // each of them a number of PostgreSQL's
    EXPECT_EQ(result(powers + "]"), "wrong");
}

TEST(WorkReport, GoesByTheExitStatus) {
    EXPECT_TRUE(report_of(job(), exited(0, "1")).completed);
    for (const int code : {1, 2, 64, 66, 75, 127, 255}) {
        EXPECT_FALSE(report_of(job(), exited(code)).completed);
        EXPECT_FALSE(report_of(job(), exited(code)).final) << code;
    }
    for (const int code : {65, 78})
        EXPECT_TRUE(report_of(job(), exited(code)).final) << code;
    Ending killed;
    killed.status = 9;
    EXPECT_FALSE(report_of(job(), killed).final);
    EXPECT_EQ(report_of(job(), killed).error, "the program was ended by signal 9 (Killed)");
    EXPECT_EQ(report_of(job(), exited(1, "1", "no\n")).error, "no");
    EXPECT_EQ(report_of(job(), exited(1)).attempt, 3);
    EXPECT_TRUE(report_of(job(), exited(0, "\xff")).final);
}

TEST(WorkError, IsTheLastOfItAsText) {
    EXPECT_EQ(error_text(std::string("a\xff\0b\xc3", 5)), "a??b?");
    EXPECT_EQ(error_text("ä"), "ä");
    std::string umlauts;
    for (int i = 0; i < 10000; i++)
        umlauts += "ä";
    EXPECT_EQ(error_text(umlauts).size(), kLongestError - 1); // half of one is none
    EXPECT_EQ(error_text("x" + std::string(kLongestError, 'y')), std::string(kLongestError, 'y'));
}

TEST(WorkDuration, HasAUnit) {
    using namespace std::chrono;
    EXPECT_EQ(duration_of("90"), seconds(90));
    EXPECT_EQ(duration_of("90s"), seconds(90));
    EXPECT_EQ(duration_of("2m"), minutes(2));
    EXPECT_EQ(duration_of("3h"), hours(3));
    EXPECT_EQ(duration_of("366d"), hours(366 * 24));
    for (const char *wrong :
         {"", "s", "-1s", "+1s", " 1s", "1 s", "1ms", "1.5s", "367d", "9223372036854775807d"})
        EXPECT_EQ(duration_of(wrong), std::nullopt) << wrong;
}

TEST(WorkOptions, EndAtTheCommand) {
    const Options options = read(
        {"a", "--concurrency", "2", "b", "--env=X", "--env", "Y", "--", "cat", "--lease", "--"});
    EXPECT_EQ(options.types, (std::vector<std::string>{"a", "b"}));
    EXPECT_EQ(options.command, (std::vector<std::string>{"cat", "--lease", "--"}));
    EXPECT_EQ(options.environment, (std::vector<std::string>{"X", "Y"}));
    EXPECT_EQ(options.concurrency, 2U);
    EXPECT_EQ(options.lease, std::chrono::minutes(1));
}

TEST(WorkVariables, AreOfTheJob) {
    Job with = job();
    EXPECT_EQ(variables_of(with),
              (std::vector<std::string>{"AYB_JOB_ID=an-id", "AYB_JOB_TYPE=resize",
                                        "AYB_JOB_ATTEMPT=3", "AYB_JOB_MAX_ATTEMPTS=5",
                                        "AYB_JOB_RUN_AT=2026-01-31T12:00:00Z"}));
    with.partition_key = "p";
    with.meta = "{\"a\": 1}";
    EXPECT_EQ(variables_of(with).back(), "AYB_JOB_META={\"a\": 1}");
    EXPECT_EQ(variables_of(with).size(), 7U);
}

TEST(WorkLines, AreAnsweredByTheirId) {
    const auto answer = [](const std::string &line) { return answer_of(job(), line); };
    EXPECT_EQ(line_of(job()),
              "{\"id\":\"an-id\",\"type\":\"resize\",\"attempt\":3,\"max_attempts\":5,"
              "\"run_at\":\"2026-01-31T12:00:00Z\",\"payload\":{}}\n");
    EXPECT_EQ(answer(R"({"id":"an-id","result":[1]})")->result, "[1]");
    EXPECT_EQ(answer(R"({"id":"an-id"})")->result, std::nullopt);
    EXPECT_TRUE(answer(R"({"id":"an-id","error":"no","final":true})")->final);
    EXPECT_EQ(answer(R"({"id":"an-id","error":"no","retry_in":"1 h"})")->retry_in, "1 h");
    EXPECT_TRUE(answer(R"({"id":"an-id","result":"\u0000"})")->final);
    for (const char *wrong :
         {"", "null", "{}", R"({"id":"another"})", R"({"id":"an-id","x":1})", R"({"id":"an-id"} 1)",
          R"({"id":1})", R"({"id":"an-id","error":"a","result":1})",
          R"({"id":"an-id","final":true})"})
        EXPECT_FALSE(answer(wrong)) << wrong;
}

TEST(WorkLines, AProgramThatDiesHasDoneNothing) {
    EXPECT_FALSE(died(job(), exited(0, "1")).completed);
    EXPECT_EQ(died(job(), exited(0)).error, "the program ended before it had answered");
    EXPECT_TRUE(died(job(), exited(65)).final);
    EXPECT_EQ(misspoke(job(), std::string(1000, 'x')).error,
              "the program wrote a line that is no answer: " + std::string(200, 'x'));
}
