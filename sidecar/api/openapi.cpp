#include "api/openapi.hpp"

namespace ayb::api {

// sidecar/api/openapi.json, put into a string by CMake.
extern const char *const kOpenApi;

std::vector<Route> openapi_routes() {
    return {{"GET", "/openapi.json", Access::open,
             [](const Call &) { return json_response(kOpenApi); }}};
}

} // namespace ayb::api
