#include "api/call.hpp"

#include <algorithm>

namespace ayb::api {

namespace {

bool is_hex(char c) { return (c >= '0' && c <= '9') || ((c | 0x20) >= 'a' && (c | 0x20) <= 'f'); }

} // namespace

bool is_uuid(const std::string &text) {
    if (text.size() != 36)
        return false;
    for (std::size_t i = 0; i < text.size(); i++) {
        const bool dash = i == 8 || i == 13 || i == 18 || i == 23;
        if (dash ? text[i] != '-' : !is_hex(text[i]))
            return false;
    }
    return true;
}

const std::string &Call::id(const char *what) const {
    if (!is_uuid(segments_.front()))
        throw Failure(400, std::string("invalid ") + what + " id format");
    return segments_.front();
}

json::Object Call::body() const { return json::Object(request_.body); }

http::Response json_response(std::string body, int status) {
    http::Response response;
    response.status = status;
    response.body = std::move(body);
    return response;
}

http::Response no_content() {
    http::Response response;
    response.status = 204;
    return response;
}

http::Response found(std::optional<std::string> body, const char *missing, int status) {
    if (!body)
        throw Failure(404, missing);
    return json_response(std::move(*body), status);
}

} // namespace ayb::api
