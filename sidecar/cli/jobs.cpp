#include "cli/command.hpp"

#include <iostream>

namespace ayb::cli {

namespace {

Row header() { return {"ID", "TYPE", "STATE", "ATTEMPTS", "CREATED"}; }

const std::vector<Option> &list_options() {
    static const std::vector<Option> options = {{"state", "state", Option::Kind::text},
                                                {"type", "type", Option::Kind::text},
                                                {"limit", "limit", Option::Kind::number},
                                                {"watch", nullptr, Option::Kind::flag}};
    return options;
}

Row row_of(const json::Object &job) {
    return {shown(job, "id"), shown(job, "type"), shown(job, "state"),
            shown(job, "attempts") + "/" + shown(job, "maxAttempts"), shown(job, "createdAt")};
}

std::string look(const Call &call) {
    const std::string jobs = call.ask("GET", "/jobs" + call.query(list_options()));
    return listed(call, jobs, table_of(header(), jobs, row_of), "No jobs found.");
}

int list(const Call &call) {
    if (call.has("watch"))
        watch(2, [&call] { return look(call); });
    else
        std::cout << look(call);
    return 0;
}

int change(const Call &call, const char *verb, const char *became) {
    const std::string job = call.ask("POST", "/jobs/" + call.argument() + "/" + verb);
    call.say("Job " + call.argument() + " " + became, job, {header(), {row_of(json::Object(job))}});
    return 0;
}

int retry(const Call &call) { return change(call, "retry", "reset to queued"); }

int cancel(const Call &call) {
    return change(call, call.has("force") ? "cancel?force=true" : "cancel", "canceled");
}

} // namespace

std::vector<Command> job_commands() {
    return {{"jobs", "list", nullptr, "jobs, the newest first", list_options(), list},
            {"jobs", "retry", "ID", "put a failed job back into the queue", {}, retry},
            {"jobs",
             "cancel",
             "ID",
             "cancel a queued job; with --force a running one too",
             {{"force", nullptr, Option::Kind::flag}},
             cancel}};
}

} // namespace ayb::cli
