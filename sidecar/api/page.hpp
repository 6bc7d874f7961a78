#pragma once
// The dashboard: the files that Vite built, compressed, as part of the program.
#include "route/router.hpp"

namespace ayb::api {

struct PageFile {
    const char *path;           // where it is served
    const char *type;           // its Content-Type
    const char *tag;            // its ETag, in quotes
    const unsigned char *bytes; // gzip
    std::size_t size;
};

struct PageFiles {
    const PageFile *files;
    std::size_t count; // 0 where the program was built without it
};

// From the source that the build of sidecar/dashboard writes.
extern const PageFiles kPage;

std::vector<Route> page_routes();

} // namespace ayb::api
