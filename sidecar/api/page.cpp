#include "api/page.hpp"

#include <Poco/InflatingStream.h>
#include <Poco/MemoryStream.h>
#include <Poco/StreamCopier.h>

namespace ayb::api {

#ifndef AYB_HAS_PAGE
const PageFiles kPage = {nullptr, 0};
#endif

namespace {

// Nothing but our own files and our own API, no frame around it, and no text that becomes script or
// HTML.
constexpr const char *kPolicy =
    "default-src 'self'; base-uri 'none'; form-action 'none'; frame-ancestors 'none';"
    " object-src 'none'; require-trusted-types-for 'script'; trusted-types 'none'";

std::string bytes_of(const PageFile &file) {
    return std::string(reinterpret_cast<const char *>(file.bytes), file.size);
}

std::string unpacked(const PageFile &file) {
    Poco::MemoryInputStream packed(reinterpret_cast<const char *>(file.bytes),
                                   static_cast<std::streamsize>(file.size));
    Poco::InflatingInputStream stream(packed, Poco::InflatingStreamBuf::STREAM_GZIP);
    std::string text;
    Poco::StreamCopier::copyToString(stream, text);
    return text;
}

bool contains(std::string_view list, std::string_view word) {
    return list.find(word) != std::string_view::npos;
}

// The names of all but the page itself tell their content, so they never change.
bool named_by_content(const PageFile &file) { return contains(file.path, "/assets/"); }

http::Response serve(const PageFile &file, const http::Request &request) {
    http::Response response;
    response.content_type = file.type;
    response.headers = {{"Cache-Control", named_by_content(file)
                                              ? "public, max-age=31536000, immutable"
                                              : "no-cache"},
                        {"ETag", file.tag},
                        {"Vary", "Accept-Encoding"},
                        {"Content-Security-Policy", kPolicy},
                        {"Referrer-Policy", "no-referrer"},
                        {"Cross-Origin-Opener-Policy", "same-origin"}};
    if (contains(request.header("if-none-match"), file.tag)) {
        response.status = 304;
        return response;
    }
    if (contains(request.header("accept-encoding"), "gzip")) {
        response.headers.emplace_back("Content-Encoding", "gzip");
        response.body = bytes_of(file);
    } else {
        response.body = unpacked(file);
    }
    return response;
}

http::Response no_page(const Call &) {
    throw Failure(404, "this ayb-jobs was built without the dashboard");
}

} // namespace

std::vector<Route> page_routes() {
    if (kPage.count == 0)
        return {{"GET", "/", Access::open, no_page}};
    std::vector<Route> routes;
    for (std::size_t i = 0; i < kPage.count; i++) {
        const PageFile &file = kPage.files[i];
        routes.push_back({"GET", file.path, Access::open,
                          [&file](const Call &call) { return serve(file, call.request()); }});
    }
    return routes;
}

} // namespace ayb::api
