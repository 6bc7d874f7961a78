#include "jobs/commands.hpp"

namespace ayb::api {

void refuse_command(const std::string &type) {
    for (const char *of : {"command", "delete_expired", "http"}) {
        if (type != of)
            continue;
        Failure failure(403, "jobs of type \"" + type + "\" are not made here");
        failure.details = "their payload says what is run";
        failure.hint = "The setting allow-commands lets admins make them; SQL does anyway.";
        throw failure;
    }
}

} // namespace ayb::api
