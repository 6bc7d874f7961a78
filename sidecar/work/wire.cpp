#include "work/wire.hpp"

#include "json/json.hpp"
#include "work/outcome.hpp"

#include <algorithm>

namespace ayb::work {

namespace {

bool is_ascii(const std::string &text) {
    return std::all_of(text.begin(), text.end(),
                       [](char c) { return static_cast<unsigned char>(c) < 0x80; });
}

std::string as_ascii(std::string text) {
    std::replace_if(
        text.begin(), text.end(), [](char c) { return static_cast<unsigned char>(c) >= 0x80; },
        '?');
    return text;
}

bool of_class(const db::Error &error, const char *sqlstate) {
    return error.sqlstate.compare(0, 2, sqlstate) == 0;
}

} // namespace

const char *const kClaimSql =
    "SELECT id, type, payload, attempt, max_attempts, to_json(run_at) #>> '{}', partition_key, meta"
    " FROM ayb_jobs.claim($1, $2::text[], $3::integer, $4::interval)";

Job job_of(const db::Result &rows, int row) {
    const auto text = [&](int column) { return rows.at(row, column).value_or(""); };
    Job job;
    job.id = text(0);
    job.type = text(1);
    job.payload = text(2);
    job.attempt = std::stoi(text(3));
    job.max_attempts = std::stoi(text(4));
    job.run_at = text(5);
    job.partition_key = rows.at(row, 6);
    job.meta = rows.at(row, 7);
    return job;
}

std::string interval_of(std::chrono::milliseconds time) {
    return std::to_string(time.count()) + " milliseconds";
}

std::string json_of(const Report &report) {
    std::string out =
        "{\"id\":" + json::quote(report.id) + ",\"attempt\":" + std::to_string(report.attempt);
    if (report.completed && report.result)
        out += ",\"result\":" + *report.result;
    if (!report.completed)
        out += ",\"error\":" + json::quote(report.error);
    if (!report.completed && report.final)
        out += ",\"final\":true";
    if (!report.completed && report.retry_in)
        out += ",\"retry_in\":" + json::quote(*report.retry_in);
    return out + "}";
}

std::optional<Report> otherwise(Report report, const db::Error &error) {
    if (report.unbegun || (!of_class(error, "22") && !of_class(error, "54")))
        return std::nullopt;
    if (!report.completed) {
        if (is_ascii(report.error) && !report.retry_in)
            return std::nullopt;
        report.error = as_ascii(report.error);
        report.retry_in.reset(); // a program may have asked for what is no time
        return report;
    }
    if (report.result && is_ascii(*report.result))
        if (auto text = as_text(*report.result)) {
            report.result = std::move(text);
            return report;
        }
    report.completed = false;
    report.error = std::string("the result can't be stored: ") + error.what();
    report.final = true;
    return report;
}

bool passes(const db::Error &error) {
    return of_class(error, "40") || of_class(error, "53") || of_class(error, "55") ||
           of_class(error, "57");
}

} // namespace ayb::work
