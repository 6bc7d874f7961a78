#include "route/failure.hpp"

#include "json/json.hpp"

namespace ayb::api {

namespace {

// By the beginning of the SQLSTATE; the message is PostgreSQL's where there is none. `of_body` are
// those that say that a body can't be read, where there is one.
struct Class {
    std::string_view prefix;
    int status;
    const char *message;
    bool of_body = false;
};

constexpr Class kClasses[] = {{"P0002", 404, nullptr},
                              {"55000", 409, nullptr},
                              {"55006", 409, nullptr},
                              {"55P03", 409, nullptr},
                              {"23505", 409, nullptr},
                              {"40", 409, nullptr},
                              {"42501", 403, nullptr},
                              {"22P02", 400, nullptr, true},
                              {"22P05", 400, nullptr, true},
                              {"54001", 400, nullptr, true},
                              // All that is sent is UTF-8: so it is what is stored.
                              {"22021", 500, "the database holds text that is no UTF-8"},
                              {"22", 400, nullptr},
                              {"23", 400, nullptr},
                              {"42704", 400, nullptr},
                              {"54000", 400, nullptr},
                              {"0A000", 400, nullptr},
                              {"57014", 503, "the database took too long"},
                              // The extension is there: something of the user's is not.
                              {"42P01", 409, nullptr},
                              {"42883", 409, nullptr},
                              {"42703", 409, nullptr},
                              {"3F000", 409, nullptr},
                              {"58P01", 503, kNotEnabled},
                              {"53", 503, nullptr},
                              {"57", 503, nullptr}};

Failure with_words(Failure failure, const db::Error &error) {
    const std::string said = error.what();
    if (said != failure.what())
        failure.details = said + (error.detail.empty() ? "" : ": " + error.detail);
    else
        failure.details = error.detail;
    failure.hint = error.hint;
    failure.sqlstate = error.sqlstate;
    return failure;
}

void append(std::string &body, const char *name, const std::string &value) {
    if (!value.empty())
        body += std::string(",\"") + name + "\":" + json::quote(value);
}

} // namespace

std::optional<Failure> translate(const db::Error &error, std::initializer_list<Case> cases) {
    for (const Case &known : cases)
        if (error.sqlstate == known.sqlstate)
            return with_words({known.status, known.message}, error);
    return std::nullopt;
}

Failure classify(const db::Error &error, bool has_body) {
    for (const Class &known : kClasses) {
        if (error.sqlstate.compare(0, known.prefix.size(), known.prefix) != 0)
            continue;
        const char *message = known.of_body && has_body ? kInvalidBody : known.message;
        return with_words({known.status, message != nullptr ? message : error.what()}, error);
    }
    return with_words({500, "internal error"}, error);
}

bool may_lack_extension(const db::Error &error) {
    return error.sqlstate == "42P01" || error.sqlstate == "42883" || error.sqlstate == "42703" ||
           error.sqlstate == "3F000";
}

Failure invalid(const std::string &name, const std::string &details) {
    Failure failure(400, "invalid " + name);
    failure.details = details;
    failure.field = name;
    return failure;
}

http::Response to_response(const Failure &failure) {
    http::Response response = http::error_response(failure.status, failure.what());
    response.body.pop_back();
    append(response.body, "details", failure.details);
    append(response.body, "hint", failure.hint);
    append(response.body, "sqlstate", failure.sqlstate);
    append(response.body, "field", failure.field);
    response.body += '}';
    if (failure.status == 503)
        response.headers.emplace_back("Retry-After", "1");
    return response;
}

} // namespace ayb::api
