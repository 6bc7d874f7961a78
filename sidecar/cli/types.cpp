#include "cli/command.hpp"
#include "http/query.hpp"

#include <cstdio>
#include <cstdlib>
#include <iostream>

namespace ayb::cli {

namespace {

Row header() {
    return {"TYPE", "KIND", "PAUSED", "QUEUED", "RUNNING", "DONE/H", "FAILED/H", "RUN P95 (MS)"};
}

std::string rounded(const std::string &milliseconds) {
    char text[32];
    std::snprintf(text, sizeof(text), "%.1f", std::strtod(milliseconds.c_str(), nullptr));
    return milliseconds == "-" ? milliseconds : text;
}

Row row_of(const json::Object &type) {
    const std::string none = "{}";
    const json::Object handler(type.raw("handler").value_or(none));
    const json::Object hour(type.raw("lastHour").value_or(none));
    const std::string more = type.boolean("more").value_or(false) ? "+" : "";
    return {shown(type, "type"),        shown(handler, "kind", "-"),
            shown(type, "paused"),      shown(type, "queued") + more,
            shown(type, "running"),     shown(hour, "completed", "0"),
            shown(hour, "failed", "0"), rounded(shown(hour, "runP95", "-"))};
}

Table one(const std::string &type) { return {header(), {row_of(json::Object(type))}}; }

std::string path_of(const Call &call) { return "/types/" + http::encode(call.argument()); }

int list(const Call &call) {
    return cli::show(call, [&call] {
        const std::string types = call.ask("GET", "/types");
        return listed(call, types, types_table(types), "No types found.");
    });
}

int show(const Call &call) {
    const std::string type = call.ask("GET", path_of(call));
    std::cout << shown_whole(call, type, one(type));
    return 0;
}

int turn(const Call &call, const char *verb, const char *became) {
    const std::string type = call.ask("POST", path_of(call) + "/" + verb);
    call.say("Type \"" + call.argument() + "\" " + became, type, one(type));
    return 0;
}

int pause(const Call &call) { return turn(call, "pause", "paused"); }

int resume(const Call &call) { return turn(call, "resume", "resumed"); }

} // namespace

Table types_table(const std::string &types) { return table_of(header(), types, row_of); }

std::vector<Command> type_commands() {
    return {{"types", "list", nullptr, "types of jobs, by name", {kWatch}, list},
            {"types", "show", "TYPE", "a type, its handler, its last hour", {}, show},
            {"types", "pause", "TYPE", "start no more jobs of it", {}, pause},
            {"types", "resume", "TYPE", "start jobs of it again", {}, resume}};
}

} // namespace ayb::cli
