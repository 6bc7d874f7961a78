#include "http/message.hpp"

#include "json/json.hpp"

#include <algorithm>

namespace ayb::http {

namespace {

struct Phrase {
    int status;
    const char *text;
};

constexpr Phrase kPhrases[] = {{200, "OK"},
                               {201, "Created"},
                               {204, "No Content"},
                               {304, "Not Modified"},
                               {400, "Bad Request"},
                               {401, "Unauthorized"},
                               {403, "Forbidden"},
                               {404, "Not Found"},
                               {405, "Method Not Allowed"},
                               {408, "Request Timeout"},
                               {409, "Conflict"},
                               {429, "Too Many Requests"},
                               {431, "Request Header Fields Too Large"},
                               {500, "Internal Server Error"},
                               {501, "Not Implemented"},
                               {503, "Service Unavailable"},
                               {505, "HTTP Version Not Supported"}};

bool has_body(int status) { return status != 204 && status != 304 && status >= 200; }

bool has(const Fields &fields, std::string_view name) {
    return std::any_of(fields.begin(), fields.end(),
                       [&](const auto &field) { return field.first == name; });
}

} // namespace

std::string_view Request::header(std::string_view lower_case_name) const {
    for (const auto &[name, value] : headers)
        if (name == lower_case_name)
            return value;
    return {};
}

Response error_response(int status, std::string_view message) {
    Response response;
    response.status = status;
    response.body =
        "{\"code\":" + std::to_string(status) + ",\"message\":" + json::quote(message) + "}";
    return response;
}

const char *reason_phrase(int status) {
    for (const Phrase &phrase : kPhrases)
        if (phrase.status == status)
            return phrase.text;
    return "Unknown";
}

std::string serialize(const Response &response, bool keep_alive, bool head_only) {
    std::string out = "HTTP/1.1 " + std::to_string(response.status) + " " +
                      reason_phrase(response.status) + "\r\n";
    for (const auto &[name, value] : response.headers)
        out.append(name).append(": ").append(value).append("\r\n");
    if (!has(response.headers, "Cache-Control"))
        out += "Cache-Control: no-store\r\n";
    out += "X-Content-Type-Options: nosniff\r\n";
    if (has_body(response.status)) {
        out += "Content-Type: " + response.content_type + "\r\n";
        if (!response.stream)
            out += "Content-Length: " + std::to_string(response.body.size()) + "\r\n";
    }
    out += keep_alive && !response.stream ? "\r\n" : "Connection: close\r\n\r\n";
    if (!head_only && has_body(response.status))
        out += response.body;
    return out;
}

} // namespace ayb::http
