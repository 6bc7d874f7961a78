#include "cli/command.hpp"
#include "http/query.hpp"

#include <iostream>

namespace ayb::cli {

namespace {

Row header() {
    return {"ID", "NAME", "STATE", "JOBS", "WAITING", "RUNNING", "DONE", "FAILED", "CREATED"};
}

Row row_of(const json::Object &flow) {
    return {shown(flow, "id"),        shown(flow, "name", "-"), shown(flow, "state"),
            shown(flow, "jobs"),      shown(flow, "waiting"),   shown(flow, "running"),
            shown(flow, "completed"), shown(flow, "failed"),    shown(flow, "createdAt")};
}

std::string path_of(const Call &call) { return "/flows/" + http::encode(call.argument()); }

const std::vector<Option> &list_options() {
    static const std::vector<Option> options = {{"limit", "limit", Option::Kind::number},
                                                {"cursor", "cursor", Option::Kind::text}};
    return options;
}

int list(const Call &call) {
    return cli::show(call, [&call] {
        const std::string flows = call.ask("GET", "/flows" + call.query(list_options()));
        return listed(call, flows, table_of(header(), flows, row_of), "No flows found.");
    });
}

Row step_of(std::string_view item) {
    const json::Object step(item);
    return {shown(step, "name", "-"), shown(step, "jobId"), shown(step, "type", "-"),
            shown(step, "state"), shown_list(step, "dependsOn", "-")};
}

int show(const Call &call) {
    const std::string flow = call.ask("GET", path_of(call));
    const json::Object members(flow);
    std::cout << listed(call, flow, {header(), {row_of(members)}}, "");
    if (call.format() != Format::table)
        return 0;
    Table steps{{"STEP", "JOB", "TYPE", "STATE", "AFTER"}, {}};
    const std::string all(members.raw("steps").value_or("[]"));
    for (const std::string_view item : json::elements(all))
        steps.rows.push_back(step_of(item));
    std::cout << "\n" << as_table(steps, colour_wanted());
    return 0;
}

int change(const Call &call, const char *verb, const char *became) {
    const std::string answer = call.ask("POST", path_of(call) + "/" + verb);
    const std::string changed = shown(json::Object(answer), "changed");
    call.say("Jobs of flow " + call.argument() + " " + became + ": " + changed, answer,
             {{"CHANGED"}, {{changed}}});
    return 0;
}

int cancel(const Call &call) { return change(call, "cancel", "canceled"); }

int retry(const Call &call) { return change(call, "retry", "retried"); }

} // namespace

std::vector<Command> flow_commands() {
    std::vector<Option> of_list = list_options();
    of_list.push_back(kWatch);
    return {{"flows", "list", nullptr, "flows, the newest first", of_list, list},
            {"flows",
             "show",
             "ID",
             "a flow and its jobs, each behind those that it waits for",
             {},
             show},
            {"flows", "cancel", "ID", "cancel its queued jobs", {}, cancel},
            {"flows", "retry", "ID", "retry its failed jobs, and what waits for them", {}, retry}};
}

} // namespace ayb::cli
