#include "cli/command.hpp"
#include "http/query.hpp"

#include <iostream>

namespace ayb::cli {

namespace {

using Kind = Option::Kind;

Row header() { return {"ID", "SCHEMA", "VIEW", "MODE", "LAST REFRESH", "STATUS"}; }

const std::vector<Option> &mode_option() {
    static const std::vector<Option> options = {{"mode", "refreshMode", Kind::text}};
    return options;
}

// AYB names the view by options; an argument is shorter.
const std::vector<Option> &register_options() {
    static const std::vector<Option> options = {{"schema", "schema", Kind::text},
                                                {"view", "viewName", Kind::text},
                                                {"mode", "refreshMode", Kind::text}};
    return options;
}

Row row_of(const json::Object &view) {
    return {shown(view, "id"),
            shown(view, "schemaName"),
            shown(view, "viewName"),
            shown(view, "refreshMode"),
            shown(view, "lastRefreshAt", "never"),
            shown(view, "lastRefreshStatus", "-")};
}

Table one(const std::string &view) { return {header(), {row_of(json::Object(view))}}; }

std::string quoted_name(const std::string &view) {
    return "\"" + shown(json::Object(view), "viewName") + "\"";
}

// The path of what was named by its id or as schema.view.
std::string path_of(const Call &call) {
    const std::string views = call.ask("GET", "/matviews");
    const json::Object answer(views);
    for (const std::string_view item : json::elements(*answer.raw("items"))) {
        const json::Object view(item);
        if (shown(view, "schemaName") + "." + shown(view, "viewName") == call.argument())
            return "/matviews/" + shown(view, "id");
    }
    return "/matviews/" + id_or(call, "no materialized view is registered as ");
}

int list(const Call &call) {
    return show(call, [&call] {
        const std::string views = call.ask("GET", "/matviews");
        return listed(call, views, table_of(header(), views, row_of),
                      "No materialized views registered.");
    });
}

int register_view(const Call &call) {
    const std::string &argument = call.argument();
    const std::size_t dot = argument.find('.');
    const std::string schema =
        dot == std::string::npos ? call.option("schema") : argument.substr(0, dot);
    const std::string view = argument.empty()           ? call.option("view")
                             : dot == std::string::npos ? argument
                                                        : argument.substr(dot + 1);
    const std::string body = "{\"schema\":" + json::quote(schema) +
                             ",\"viewName\":" + json::quote(view) +
                             ",\"refreshMode\":" + json::quote(call.option("mode")) + "}";
    const std::string row = call.ask("POST", "/matviews", body);
    const json::Object now(row);
    call.say("Materialized view " + quoted_name(row) + " registered (id: " + shown(now, "id") +
                 ", mode: " + shown(now, "refreshMode") + ")",
             row, one(row));
    return 0;
}

int update(const Call &call) {
    const std::string row = call.ask("PUT", path_of(call), call.body(mode_option()));
    call.say("Materialized view " + quoted_name(row) +
                 " updated (mode: " + shown(json::Object(row), "refreshMode") + ")",
             row, one(row));
    return 0;
}

int unregister(const Call &call) {
    call.ask("DELETE", path_of(call));
    call.say("Materialized view " + call.argument() + " unregistered",
             "{\"deleted\":" + json::quote(call.argument()) + "}",
             {{"DELETED"}, {{call.argument()}}});
    return 0;
}

int refresh(const Call &call) {
    const std::string answer = call.ask("POST", path_of(call) + "/refresh");
    const json::Object refreshed(answer);
    const std::string row(*refreshed.raw("registration"));
    call.say("Refreshed " + quoted_name(row) + " (" + shown(refreshed, "durationMs") + "ms)",
             answer, one(row));
    return 0;
}

} // namespace

std::vector<Command> matview_commands() {
    constexpr const char *kWhich = "ID|SCHEMA.VIEW";
    return {{"matviews", "list", nullptr, "registered materialized views", {kWatch}, list},
            {"matviews", "register", "[SCHEMA.]VIEW", "register one", register_options(),
             register_view, true},
            {"matviews", "update", kWhich, "change its mode", mode_option(), update},
            {"matviews", "unregister", kWhich, "forget it; the view stays", {}, unregister},
            {"matviews", "refresh", kWhich, "refresh it, and wait", {}, refresh}};
}

} // namespace ayb::cli
