#pragma once
// A request as a handler sees it, and what it gives back.
#include <cstdint>
#include <memory>
#include <string>
#include <string_view>
#include <utility>
#include <vector>

namespace ayb::http {

using Fields = std::vector<std::pair<std::string, std::string>>;

struct Request {
    std::string method;
    std::string path;  // as sent, without the query
    std::string query; // without the '?'
    Fields headers;    // names in lower case
    std::string body;
    std::string peer; // numeric address, no port
    std::string id;   // ours, in each log line and in X-Request-Id
    bool keep_alive = true;

    // The field's value, or "" where there is none; the first of several.
    std::string_view header(std::string_view lower_case_name) const;
};

class Stream;
class Later;

struct Response {
    int status = 200;
    std::string body;
    std::string content_type = "application/json";
    Fields headers;
    std::shared_ptr<Stream> stream; // the body goes on with what this one is given, until it closes
    std::shared_ptr<Later> later;   // all of it comes later, in another response
    bool close = false;             // the connection is closed after it
};

// {"code":…,"message":…}
Response error_response(int status, std::string_view message);

const char *reason_phrase(int status);

// The bytes of the response's head (and body, unless `head_only`).
std::string serialize(const Response &response, bool keep_alive, bool head_only);

} // namespace ayb::http
