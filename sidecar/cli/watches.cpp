#include "cli/command.hpp"
#include "http/query.hpp"

#include <iostream>

namespace ayb::cli {

namespace {

constexpr Option kNames = {"names", "names", Option::Kind::text}; // of checks, with commas

Row header() { return {"TYPE", "RUN AS", "CHECKS", "BAD"}; }

Row row_of(const json::Object &watch) {
    return {shown(watch, "type"), shown(watch, "runAs"), shown_list(watch, "names", "all"),
            shown_list(watch, "bad", "-")};
}

std::string path_of(const Call &call) { return "/watches/" + http::encode(call.argument()); }

int list(const Call &call) {
    const std::string watches = call.ask("GET", "/watches");
    std::cout << listed(call, watches, table_of(header(), watches, row_of), "Nobody watches.");
    return 0;
}

// {"names":[…]} of "a,b"; {} where none are named, which is all of them.
std::string body_of(const Call &call) {
    if (!call.has(kNames.name))
        return "{}";
    const std::string names = call.option(kNames.name);
    std::string out;
    for (std::size_t at = 0, end = 0; end != std::string::npos; at = end + 1) {
        end = names.find(',', at);
        out += (out.empty() ? "" : ",") + json::quote(names.substr(at, end - at));
    }
    return "{\"names\":[" + out + "]}";
}

int set(const Call &call) {
    const std::string watch = call.ask("PUT", path_of(call), body_of(call));
    const json::Object members(watch);
    call.say("Type \"" + call.argument() + "\" watches " +
                 shown_list(members, "names", "all checks"),
             watch, {header(), {row_of(members)}});
    return 0;
}

int end(const Call &call) {
    call.ask("DELETE", path_of(call));
    call.say("Type \"" + call.argument() + "\" watches nothing",
             "{\"deleted\":" + json::quote(call.argument()) + "}",
             {{"DELETED"}, {{call.argument()}}});
    return 0;
}

} // namespace

std::vector<Command> watch_commands() {
    return {
        {"watches", "list", nullptr, "types that are told when a check of health turns", {}, list},
        {"watches",
         "set",
         "TYPE",
         "enqueue a job of it when a check turns bad or well",
         {kNames},
         set},
        {"watches", "delete", "TYPE", "tell it no more", {}, end}};
}

} // namespace ayb::cli
