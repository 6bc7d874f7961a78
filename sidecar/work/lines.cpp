#include "work/lines.hpp"

#include "json/json.hpp"

#include <sys/wait.h>

namespace ayb::work {

namespace {

void add(std::string &line, const char *key, const std::optional<std::string> &json) {
    if (json)
        line += std::string(",\"") + key + "\":" + *json;
}

std::optional<std::string> quoted(const std::optional<std::string> &text) {
    return text ? std::optional(json::quote(*text)) : std::nullopt;
}

Report begin(const Job &job) {
    Report report;
    report.id = job.id;
    report.attempt = job.attempt;
    return report;
}

// Throws json::Error where the line is no answer.
Report read(const Job &job, std::string_view line) {
    const json::Object answer(line);
    Report report = begin(job);
    const bool failed = answer.text("error").has_value();
    if (answer.text("id") != job.id ||
        answer.other_than({"id", "result", "error", "retry_in", "final"}) ||
        (failed && answer.raw("result")) ||
        (!failed && (answer.raw("retry_in") || answer.raw("final"))))
        throw json::Error("no answer");
    if (!failed) {
        report.completed = true;
        if (const auto result = answer.raw("result"))
            report.result = std::string(*result);
        return report;
    }
    report.error = error_text(*answer.text("error"));
    report.final = answer.boolean("final").value_or(false);
    if (!report.final)
        report.retry_in = answer.text("retry_in");
    return report;
}

// A result that is no result fails for good.
Report checked(Report report) {
    if (!report.result)
        return report;
    Output output = result_of(*report.result);
    report.result = std::move(output.result);
    report.error = std::move(output.wrong);
    report.final = !report.error.empty();
    report.completed = !report.final;
    return report;
}

} // namespace

std::string line_of(const Job &job) {
    std::string line = "{\"id\":" + json::quote(job.id);
    add(line, "type", json::quote(job.type));
    add(line, "attempt", std::to_string(job.attempt));
    add(line, "max_attempts", std::to_string(job.max_attempts));
    add(line, "run_at", json::quote(job.run_at));
    add(line, "partition_key", quoted(job.partition_key));
    add(line, "meta", job.meta);
    add(line, "payload", job.payload);
    return line + "}\n";
}

std::optional<Report> answer_of(const Job &job, std::string_view line) {
    try {
        return checked(read(job, line));
    } catch (const json::Error &) {
    }
    // The one character that JSON has and PostgreSQL doesn't.
    try {
        Report report = read(job, without_nul(std::string(line)));
        report.completed = false;
        report.result.reset();
        report.retry_in.reset();
        report.error = kHasNul;
        report.final = true;
        return report;
    } catch (const json::Error &) {
        return std::nullopt;
    }
}

Report died(const Job &job, const Ending &ending) {
    if (ending.too_long || ending.start_error != 0 || !WIFEXITED(ending.status) ||
        WEXITSTATUS(ending.status) != 0)
        return report_of(job, ending);
    Report report = begin(job);
    report.error = error_text(ending.err + "the program ended before it had answered");
    return report;
}

Report misspoke(const Job &job, std::string_view line) {
    constexpr std::size_t kShown = 200;
    Report report = begin(job);
    report.error =
        "the program wrote a line that is no answer: " + error_text(line.substr(0, kShown));
    return report;
}

} // namespace ayb::work
