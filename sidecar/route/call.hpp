#pragma once
// One request at its route.
#include "route/database.hpp"
#include "route/values.hpp"

namespace ayb::api {

inline constexpr std::size_t kLongestBody = 1024 * 1024;
// Below this path what comes of jobs is sent: 16 MiB, as PostgreSQL takes, and what is around it.
inline constexpr const char *kLargePath = "/api/worker/";
inline constexpr std::size_t kLargeBody = 17 * 1024 * 1024;

class Call {
  public:
    // `query` is the request's. Throws 400 where it has a part that is no text.
    Call(const http::Request &request, const Database &database, http::Query query,
         std::vector<std::string> segments);

    const http::Request &request() const { return request_; }
    const Database &database() const { return database_; }
    const http::Query &query() const { return query_; }

    // What stands for the first braces of the route's path.
    const std::string &named() const { return segments_.front(); }
    // The id in the path; throws 400 "invalid <what> id format".
    const std::string &id(const char *what) const;
    // The request's body. Throws 400 unless it is a JSON object, which written out is no larger
    // than what may be sent.
    json::Object body(std::size_t longest = kLongestBody) const;

  private:
    const http::Request &request_;
    const Database &database_;
    http::Query query_;
    std::vector<std::string> segments_; // what stood for {id}
};

http::Response json_response(std::string body, int status = 200);
http::Response no_content();
// The body, or 404 with the message where there is none.
http::Response found(std::optional<std::string> body, const char *missing, int status = 200);

} // namespace ayb::api
