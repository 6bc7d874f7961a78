#include "cli/command.hpp"
#include "http/query.hpp"

#include <iostream>

namespace ayb::cli {

namespace {

Row header() { return {"ID", "TYPE", "STATE", "ATTEMPTS", "CREATED"}; }

const std::vector<Option> &list_options() {
    static const std::vector<Option> options = {{"state", "state", Option::Kind::text},
                                                {"type", "type", Option::Kind::text},
                                                {"limit", "limit", Option::Kind::number},
                                                kWatch};
    return options;
}

const std::vector<Option> &create_options() {
    static const std::vector<Option> options = {
        {"type", "type", Option::Kind::text},
        {"payload", "payload", Option::Kind::json},
        {"run-at", "runAt", Option::Kind::text},
        {"key", "idempotencyKey", Option::Kind::text},
        {"max-attempts", "maxAttempts", Option::Kind::number},
        {"run-as", "runAs", Option::Kind::text}};
    return options;
}

Row row_of(const json::Object &job) {
    return {shown(job, "id"), shown(job, "type"), shown(job, "state"),
            shown(job, "attempts") + "/" + shown(job, "maxAttempts"), shown(job, "createdAt")};
}

int list(const Call &call) {
    return cli::show(call, [&call] {
        return listed_jobs(call, call.ask("GET", "/jobs" + call.query(list_options())));
    });
}

std::string attempts(const Call &call) {
    const std::string runs = call.ask("GET", "/jobs/" + http::encode(call.argument()) + "/runs");
    const Table table = table_of({"ATTEMPT", "STATUS", "STARTED", "MS", "WORKER", "ERROR"}, runs,
                                 [](const json::Object &run) -> Row {
                                     return {shown(run, "attempt"),       shown(run, "status"),
                                             shown(run, "startedAt"),     shown(run, "durationMs"),
                                             shown(run, "workerId", "-"), shown(run, "error", "-")};
                                 });
    return table.rows.empty() ? "" : "\n" + as_table(table, colour_wanted());
}

int show(const Call &call) {
    const std::string job = call.ask("GET", "/jobs/" + http::encode(call.argument()));
    std::cout << shown_whole(call, job, {header(), {row_of(json::Object(job))}});
    if (call.format() == Format::table)
        std::cout << attempts(call);
    return 0;
}

int create(const Call &call) {
    const std::string job = call.ask("POST", "/jobs", call.body(create_options()));
    call.say("Job " + shown(json::Object(job), "id") + " created", job,
             {header(), {row_of(json::Object(job))}});
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

std::string listed_jobs(const Call &call, const std::string &jobs) {
    return listed(call, jobs, table_of(header(), jobs, row_of), "No jobs found.");
}

std::vector<Command> job_commands() {
    return {{"jobs", "list", nullptr, "jobs, the newest first", list_options(), list},
            {"jobs", "show", "ID", "a job, and its attempts", {}, show},
            {"jobs", "create", nullptr, "enqueue a job", create_options(), create},
            {"jobs", "retry", "ID", "put a failed job back into the queue", {}, retry},
            {"jobs",
             "cancel",
             "ID",
             "cancel a queued job; with --force a running one too",
             {{"force", nullptr, Option::Kind::flag}},
             cancel}};
}

} // namespace ayb::cli
