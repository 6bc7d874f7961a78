#include "route/call.hpp"

namespace ayb::api {

Call::Call(const http::Request &request, const Database &database, http::Query query,
           std::vector<std::string> segments)
    : request_(request), database_(database), query_(std::move(query)),
      segments_(std::move(segments)) {
    if (query_.broken())
        throw invalid(http::decode(*query_.broken(), true).value_or("query"), "not UTF-8 text");
}

const std::string &Call::id(const char *what) const {
    if (!is_uuid(segments_.front()))
        throw Failure(400, std::string("invalid ") + what + " id format");
    return segments_.front();
}

json::Object Call::body(std::size_t longest) const {
    json::Object body(request_.body);
    if (body.written_size() > longest) {
        Failure failure(400, kInvalidBody);
        failure.details = "its numbers are too long when they are written out";
        throw failure;
    }
    return body;
}

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
