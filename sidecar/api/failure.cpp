#include "api/failure.hpp"

#include "json/json.hpp"

namespace ayb::api {

namespace {

// By the beginning of the SQLSTATE; the message is PostgreSQL's where there is none.
struct Class {
    std::string_view prefix;
    int status;
    const char *message;
};

constexpr Class kClasses[] = {
    {"P0002", 404, nullptr},      {"55000", 409, nullptr},
    {"55006", 409, nullptr},      {"55P03", 409, nullptr},
    {"23505", 409, nullptr},      {"40", 409, nullptr},
    {"42501", 403, nullptr},      {"22P02", 400, kInvalidBody},
    {"22P05", 400, kInvalidBody}, {"22021", 400, kInvalidBody},
    {"54001", 400, kInvalidBody}, {"22", 400, nullptr},
    {"23", 400, nullptr},         {"42704", 400, nullptr},
    {"54000", 400, nullptr},      {"57014", 503, "the database took too long"},
    {"42P01", 503, kNotEnabled},  {"42883", 503, kNotEnabled},
    {"42703", 503, kNotEnabled},  {"3F000", 503, kNotEnabled},
    {"58P01", 503, kNotEnabled},  {"53", 503, nullptr},
    {"57", 503, nullptr}};

Failure classify(const db::Error &error) {
    for (const Class &known : kClasses)
        if (error.sqlstate.compare(0, known.prefix.size(), known.prefix) == 0)
            return {known.status, known.message != nullptr ? known.message : error.what()};
    return {500, "internal error"};
}

Failure choose(const db::Error &error, std::initializer_list<Case> cases) {
    for (const Case &known : cases)
        if (error.sqlstate == known.sqlstate)
            return {known.status, known.message};
    return classify(error);
}

void append(std::string &body, const char *name, const std::string &value) {
    if (!value.empty())
        body += std::string(",\"") + name + "\":" + json::quote(value);
}

} // namespace

Failure translate(const db::Error &error, std::initializer_list<Case> cases) {
    Failure failure = choose(error, cases);
    const std::string said = error.what();
    if (said != failure.what())
        failure.details = said + (error.detail.empty() ? "" : ": " + error.detail);
    else
        failure.details = error.detail;
    failure.hint = error.hint;
    failure.sqlstate = error.sqlstate;
    return failure;
}

http::Response to_response(const Failure &failure) {
    http::Response response = http::error_response(failure.status, failure.what());
    response.body.pop_back();
    append(response.body, "details", failure.details);
    append(response.body, "hint", failure.hint);
    append(response.body, "sqlstate", failure.sqlstate);
    response.body += '}';
    if (failure.status == 503)
        response.headers.emplace_back("Retry-After", "1");
    return response;
}

} // namespace ayb::api
