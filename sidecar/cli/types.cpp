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

const std::vector<Option> &rule_options() {
    static const std::vector<Option> options = {
        {"running", "running", Option::Kind::number},
        {"running-per-key", "runningPerKey", Option::Kind::number},
        {"starts", "starts", Option::Kind::number},
        {"starts-per-key", "startsPerKey", Option::Kind::number},
        {"per", "perSec", Option::Kind::json}, // seconds, of which there may be parts
        {"ordered", "ordered", Option::Kind::boolean}};
    return options;
}

constexpr Option kClear = {"clear", nullptr, Option::Kind::flag};

const std::vector<Option> &limit_options() {
    static const std::vector<Option> options = [] {
        std::vector<Option> all = rule_options();
        all.push_back(kClear);
        return all;
    }();
    return options;
}

// When the next may start.
std::string opens(const json::Object &of) {
    return of.boolean("open").value_or(false) ? "now" : shown(of, "opensAt", "when one has ended");
}

Row key_of(std::string_view item) {
    const json::Object key(item);
    return {shown(key, "key"), shown(key, "queued"), shown(key, "running"), shown(key, "started"),
            opens(key)};
}

Table keys_of(const json::Object &limit) {
    Table table{{"KEY", "QUEUED", "RUNNING", "STARTED", "OPENS"}, {}};
    for (const std::string_view item : json::elements(limit.raw("keys").value_or("[]")))
        table.rows.push_back(key_of(item));
    return table;
}

Table limit_table(const std::string &type, const json::Object &limit) {
    Row header{"TYPE"};
    Row row{type};
    for (const auto &[name, title] : {std::pair{"running", "RUNNING"},
                                      {"runningPerKey", "PER KEY"},
                                      {"starts", "STARTS"},
                                      {"startsPerKey", "PER KEY"},
                                      {"perSec", "PER (S)"},
                                      {"ordered", "ORDERED"},
                                      {"runningNow", "RUN NOW"},
                                      {"startedNow", "STARTED"},
                                      {"waiting", "WAITING"}}) {
        header.emplace_back(title);
        row.push_back(shown(limit, name, "-"));
    }
    header.emplace_back("OPENS");
    row.push_back(limit.boolean("inForce").value_or(false) ? opens(limit) : "when it is in force");
    return {header, {row}};
}

int show_limit(const Call &call) {
    const std::string type = call.ask("GET", path_of(call));
    const std::string limit(json::Object(type).raw("limit").value_or("null"));
    if (limit == "null")
        return call.say("Type \"" + call.argument() + "\" has no limit", limit, {{"TYPE"}, {}}), 0;
    const json::Object members(limit);
    std::cout << listed(call, limit, limit_table(call.argument(), members), "");
    if (const Table keys = keys_of(members); call.format() == Format::table && !keys.rows.empty())
        std::cout << "\n" << as_table(keys, colour_wanted());
    return 0;
}

int clear_limit(const Call &call) {
    call.ask("DELETE", path_of(call) + "/limit");
    call.say("Type \"" + call.argument() + "\" has no limit",
             "{\"cleared\":" + json::quote(call.argument()) + "}",
             {{"CLEARED"}, {{call.argument()}}});
    return 0;
}

// What is given is the whole rule; nothing shows the one that is.
int limit(const Call &call) {
    const std::string rule = call.body(rule_options());
    if (call.has(kClear.name) && rule != "{}")
        throw CommandError("--clear takes the whole rule away, and goes with no other option");
    if (call.has(kClear.name))
        return clear_limit(call);
    if (rule == "{}")
        return show_limit(call);
    const std::string type = call.ask("PUT", path_of(call) + "/limit", rule);
    const json::Object members(*json::Object(type).raw("limit"));
    call.say("Type \"" + call.argument() + "\" limited", type,
             limit_table(call.argument(), members));
    return 0;
}

int pause(const Call &call) { return turn(call, "pause", "paused"); }

int resume(const Call &call) { return turn(call, "resume", "resumed"); }

} // namespace

Table types_table(const std::string &types) { return table_of(header(), types, row_of); }

std::vector<Command> type_commands() {
    return {{"types", "list", nullptr, "types of jobs, by name", {kWatch}, list},
            {"types", "show", "TYPE", "a type, its handler, its last hour", {}, show},
            {"types", "limit", "TYPE", "what it is limited to; with options set that, or clear it",
             limit_options(), limit},
            {"types", "pause", "TYPE", "start no more jobs of it", {}, pause},
            {"types", "resume", "TYPE", "start jobs of it again", {}, resume}};
}

} // namespace ayb::cli
