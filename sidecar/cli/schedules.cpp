#include "cli/command.hpp"
#include "http/query.hpp"

#include <iostream>

namespace ayb::cli {

namespace {

using Kind = Option::Kind;

Row header() { return {"NAME", "JOB TYPE", "CRON", "TIMEZONE", "ENABLED", "LAST RUN"}; }

// What came of the last job of it that has ended.
std::string last_run(const json::Object &schedule) {
    const auto run = schedule.raw("lastRun");
    return run ? shown(json::Object(*run), "outcome", "-") : "-";
}

const std::vector<Option> &update_options() {
    static const std::vector<Option> options = {{"cron", "cronExpr", Kind::text},
                                                {"timezone", "timezone", Kind::text},
                                                {"payload", "payload", Kind::json},
                                                {"enabled", "enabled", Kind::boolean}};
    return options;
}

const std::vector<Option> &create_options() {
    static const std::vector<Option> options = [] {
        std::vector<Option> all = update_options();
        all.insert(all.begin(),
                   {{"name", "name", Kind::text}, {"job-type", "jobType", Kind::text}});
        return all;
    }();
    return options;
}

Row row_of(const json::Object &schedule) {
    return {shown(schedule, "name"),     shown(schedule, "jobType"), shown(schedule, "cronExpr"),
            shown(schedule, "timezone"), shown(schedule, "enabled"), last_run(schedule)};
}

Table one(const std::string &schedule) { return {header(), {row_of(json::Object(schedule))}}; }

std::string name_of(const std::string &schedule) {
    return "\"" + shown(json::Object(schedule), "name") + "\"";
}

// The id of what was named by its id or by its name.
std::string path_of(const Call &call) {
    const std::string schedules = call.ask("GET", "/schedules");
    const json::Object answer(schedules);
    for (const std::string_view item : json::elements(*answer.raw("items"))) {
        const json::Object schedule(item);
        if (shown(schedule, "name") == call.argument())
            return "/schedules/" + shown(schedule, "id");
    }
    return "/schedules/" + id_or(call, "there is no schedule ");
}

int list(const Call &call) {
    return cli::show(call, [&call] {
        const std::string schedules = call.ask("GET", "/schedules");
        return listed(call, schedules, table_of(header(), schedules, row_of),
                      "No schedules found.");
    });
}

int show(const Call &call) {
    const std::string schedule = call.ask("GET", path_of(call));
    std::cout << shown_whole(call, schedule, one(schedule));
    return 0;
}

int run_now(const Call &call) {
    const std::string job = call.ask("POST", path_of(call) + "/run");
    const std::string id = shown(json::Object(job), "id");
    call.say("Job " + id + " created", job, {{"ID"}, {{id}}});
    return 0;
}

// A refresh's job completes however it went.
Row run_of(const json::Object &job) {
    return {shown(job, "id"),           shown(job, "scheduledAt", "-"), shown(job, "phase"),
            shown(job, "outcome", "-"), shown(job, "durationMs", "-"),  shown(job, "error", "-")};
}

int runs(const Call &call) {
    const std::string jobs = call.ask("GET", path_of(call) + "/runs");
    std::cout << listed(call, jobs,
                        table_of({"ID", "TICK", "STATE", "REFRESH", "MS", "ERROR"}, jobs, run_of),
                        "No jobs found.");
    return 0;
}

const std::vector<Option> &preview_options() {
    static const std::vector<Option> options = {{"timezone", "timezone", Kind::text},
                                                {"limit", "count", Kind::number}};
    return options;
}

// The rule, and when it would run by a clock in its zone.
int preview(const Call &call) {
    const std::string more = call.body(preview_options());
    const std::string body = "{\"cronExpr\":" + json::quote(call.argument()) +
                             (more == "{}" ? "" : ",") + more.substr(1);
    const std::string answer = call.ask("POST", "/schedules/preview", body);
    const json::Object rule(answer);
    Table table{{"RUNS AT", "LOCAL TIME"}, {}};
    const std::vector<std::string_view> local = json::elements(*rule.raw("localTimes"));
    for (const std::string_view instant : json::elements(*rule.raw("items")))
        table.rows.push_back({json::unquote(instant), json::unquote(local[table.rows.size()])});
    if (call.format() == Format::table)
        std::cout << printable(shown(rule, "description")) << "\n";
    std::cout << listed(call, answer, table, "");
    return 0;
}

int create(const Call &call) {
    const std::string schedule = call.ask("POST", "/schedules", call.body(create_options()));
    call.say("Schedule " + name_of(schedule) +
                 " created (id: " + shown(json::Object(schedule), "id") + ")",
             schedule, one(schedule));
    return 0;
}

int update(const Call &call) {
    const std::string schedule = call.ask("PUT", path_of(call), call.body(update_options()));
    const json::Object now(schedule);
    call.say("Schedule " + name_of(schedule) + " updated (cron: " + shown(now, "cronExpr") +
                 ", tz: " + shown(now, "timezone") + ")",
             schedule, one(schedule));
    return 0;
}

int turn(const Call &call, const char *verb, const char *became) {
    const std::string schedule = call.ask("POST", path_of(call) + "/" + verb);
    call.say("Schedule " + name_of(schedule) + " " + became, schedule, one(schedule));
    return 0;
}

int enable(const Call &call) { return turn(call, "enable", "enabled"); }

int disable(const Call &call) { return turn(call, "disable", "disabled"); }

int remove(const Call &call) {
    call.ask("DELETE", path_of(call));
    call.say("Schedule " + call.argument() + " deleted",
             "{\"deleted\":" + json::quote(call.argument()) + "}",
             {{"DELETED"}, {{call.argument()}}});
    return 0;
}

} // namespace

std::vector<Command> schedule_commands() {
    return {{"schedules", "list", nullptr, "schedules, by name", {kWatch}, list},
            {"schedules", "show", "ID|NAME", "a schedule", {}, show},
            {"schedules", "create", nullptr, "create a schedule", create_options(), create},
            {"schedules", "update", "ID|NAME", "change what is given", update_options(), update},
            {"schedules", "enable", "ID|NAME", "let it tick", {}, enable},
            {"schedules", "disable", "ID|NAME", "stop it", {}, disable},
            {"schedules", "run", "ID|NAME", "enqueue its job now", {}, run_now},
            {"schedules", "runs", "ID|NAME", "its last ten jobs", {}, runs},
            {"schedules", "preview", "CRON", "when a rule runs next", preview_options(), preview},
            {"schedules", "delete", "ID|NAME", "remove it; its jobs stay", {}, remove}};
}

} // namespace ayb::cli
