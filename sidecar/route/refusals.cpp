#include "route/refusals.hpp"

#include <cctype>

namespace ayb::api {

namespace {

constexpr const char *kNotFailed = "job {id} not found or not in failed state";
constexpr const char *kNotQueued = "job {id} not found or not in queued state";
constexpr const char *kEnded = "job {id} not found or not in queued or running state";
constexpr const char *kNoSchedule = "schedule not found";
constexpr const char *kNoMatview = "matview registration not found";
constexpr const char *kBadCron = "invalid cron expression";
constexpr const char *kBadZone = "invalid timezone";
constexpr const char *kBadStep = "invalid step";

struct Row {
    std::string_view route;    // its beginning, with the method or without it
    std::string_view sqlstate; // its beginning
    std::string_view member;   // what the error is about, as a body names it; "" is anything
    int status;
    const char *message; // {id} is what stands for it in the path; nullptr: PostgreSQL's own
};

// The first that fits counts. What none fits is a 500.
constexpr Row kRows[] = {
    // A refusal and an unknown id are the same to the contract; the details tell them apart.
    {"POST /api/admin/jobs/{id}/retry", "P0002", "", 409, kNotFailed},
    {"POST /api/admin/jobs/{id}/retry", "55000", "state", 409, kNotFailed},
    {"POST /api/admin/jobs/{id}/cancel?force=true", "P0002", "", 409, kEnded},
    {"POST /api/admin/jobs/{id}/cancel?force=true", "55000", "state", 409, kEnded},
    {"POST /api/admin/jobs/{id}/cancel", "P0002", "", 409, kNotQueued},
    {"POST /api/admin/jobs/{id}/cancel", "55000", "state", 409, kNotQueued},
    {"/api/admin/jobs/{id}", "P0002", "", 404, "job not found"},
    {"/api/admin/jobs", "22023", "phase", 400, "invalid phase"},
    {"/api/admin/flows/{id}", "P0002", "", 404, "flow not found"},
    {"POST /api/admin/flows", "P0002", "", 400, nullptr},
    {"/api/admin/schedules/{id}", "P0002", "", 404, kNoSchedule},
    {"POST /api/admin/schedules", "23505", "", 409, "schedule name already exists"},
    {"/api/admin/schedules", "22023", "cronExpr", 400, kBadCron},
    {"/api/admin/schedules", "22023", "timezone", 400, kBadZone},
    {"/api/admin/matviews/{id}", "P0002", "", 404, kNoMatview},
    {"/api/worker/", "P0002", "", 404, nullptr},
    {"/api/worker/", "54000", "", 400, nullptr},
    {"POST /api/admin/matviews", "42P01", "", 404, "materialized view not found in database"},
    {"POST /api/admin/matviews", "23505", "", 409, "materialized view already registered"},
    // No text of an interval; too long a one, twice; months, which are of no length.
    {"GET /api/admin/series", "22007", "", 400, kBadStep},
    {"GET /api/admin/series", "22008", "", 400, kBadStep},
    {"GET /api/admin/series", "22015", "", 400, kBadStep},
    {"GET /api/admin/series", "0A000", "", 400, kBadStep},
    {"GET /api/admin/depths", "22007", "", 400, kBadStep},
    {"GET /api/admin/depths", "22008", "", 400, kBadStep},
    {"GET /api/admin/depths", "22015", "", 400, kBadStep},
    {"GET /api/admin/depths", "0A000", "", 400, kBadStep},
    // All that is sent is UTF-8: so it is what is stored.
    {"", "22021", "", 500, "the database holds text that is no UTF-8"},
    {"", "22", "", 400, nullptr},
    {"", "42501", "", 403, nullptr},
    {"", "40", "", 409, nullptr},
    {"", "55000", "", 409, nullptr},
    {"", "55P03", "", 409, nullptr},
    {"", "53", "", 503, nullptr},
    {"", "57014", "", 503, "the database took too long"},
    {"", "58P01", "", 503, kNotEnabled},
    // Something of the user's is gone; without the extension it is the extension.
    {"", "42704", "", 400, nullptr},
    {"", "42P01", "", 409, nullptr},
    {"", "42P13", "", 409, nullptr},
    {"", "42883", "", 409, nullptr},
    {"", "42703", "", 409, nullptr},
    {"", "3F000", "", 409, nullptr}};

bool begins(std::string_view text, std::string_view with) {
    return text.substr(0, with.size()) == with;
}

// The member of a body that an argument of the engine's is given by: "cronExpr" for "cron_expr".
std::string member_of(const std::string &argument) {
    std::string member;
    for (const char c : argument == "expr" ? "cron_expr" : argument)
        if (!member.empty() && member.back() == '_')
            member.back() = static_cast<char>(std::toupper(static_cast<unsigned char>(c)));
        else
            member += c;
    return member;
}

const Row *row_of(const db::Error &error, std::string_view route) {
    const std::string_view path = route.substr(route.find('/'));
    const std::string member = member_of(error.column);
    for (const Row &row : kRows)
        if ((begins(route, row.route) || begins(path, row.route)) &&
            begins(error.sqlstate, row.sqlstate) && (row.member.empty() || row.member == member))
            return &row;
    return nullptr;
}

bool may_lack_extension(const std::string &sqlstate) {
    // 22023: its roles aren't there
    for (const char *missing : {"42704", "42P01", "42883", "42703", "3F000", "22023"})
        if (sqlstate == missing)
            return true;
    return false;
}

std::string filled(std::string message, const Call &call) {
    constexpr std::string_view kId = "{id}";
    const std::size_t at = message.find(kId);
    return at == std::string::npos ? message : message.replace(at, kId.size(), call.named());
}

// Only JSON has escapes that stand for no character, and the only JSON is a payload.
std::string field_of(const db::Error &error) {
    if (error.sqlstate == "22P05")
        return "payload";
    return error.column == "state" ? "" : member_of(error.column);
}

Failure with_words(Failure failure, const db::Error &error) {
    const std::string said = error.what();
    if (said != failure.what())
        failure.details = said + (error.detail.empty() ? "" : ": " + error.detail);
    else
        failure.details = error.detail;
    failure.hint = error.hint;
    failure.sqlstate = error.sqlstate;
    failure.field = field_of(error);
    return failure;
}

} // namespace

Failure refusal(const db::Error &error, const std::string &route, const Call &call) {
    if (may_lack_extension(error.sqlstate) && !call.database().has_extension())
        return {503, kNotEnabled};
    const Row *row = row_of(error, route);
    if (row == nullptr)
        return with_words({500, "internal error"}, error);
    return with_words(
        {row->status, row->message == nullptr ? error.what() : filled(row->message, call)}, error);
}

} // namespace ayb::api
