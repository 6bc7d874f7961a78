#include "cli/cli.hpp"
#include "cli/command.hpp"
#include "http/query.hpp"

#include <algorithm>
#include <iostream>
#include <set>

namespace ayb::cli {

namespace {

Row header() { return {"ID", "TYPE", "STATE", "ATTEMPTS", "CREATED"}; }

constexpr Option kType = {"type", "type", Option::Kind::text};
constexpr Option kSince = {"since", "since", Option::Kind::text};
constexpr Option kUntil = {"until", "until", Option::Kind::text};
constexpr Option kPhase = {"phase", "phase", Option::Kind::text};
constexpr Option kText = {"q", "q", Option::Kind::text};

const std::vector<Option> &list_options() {
    static const std::vector<Option> options = {
        {"state", "state", Option::Kind::text},   kPhase, kType, kSince, kUntil, kText,
        {"limit", "limit", Option::Kind::number}, kWatch};
    return options;
}

// Which of many.
const std::vector<Option> &filter_options() {
    static const std::vector<Option> options = {kType, kSince, kUntil, kPhase, kText};
    return options;
}

const std::vector<Option> &cancel_options() {
    static const std::vector<Option> options = [] {
        std::vector<Option> all = filter_options();
        all.push_back({"force", nullptr, Option::Kind::flag});
        return all;
    }();
    return options;
}

const std::vector<Option> &create_options() {
    static const std::vector<Option> options = {
        {"type", "type", Option::Kind::text},
        {"payload", "payload", Option::Kind::json},
        {"run-at", "runAt", Option::Kind::text},
        {"key", "idempotencyKey", Option::Kind::text},
        {"max-attempts", "maxAttempts", Option::Kind::number},
        {"run-as", "runAs", Option::Kind::text},
        {"priority", "priority", Option::Kind::integer},
        {"partition-key", "partitionKey", Option::Kind::text},
        {"unique-key", "uniqueKey", Option::Kind::text},
        {"expires-at", "expiresAt", Option::Kind::text},
        {"meta", "meta", Option::Kind::json},
        {"options", "options", Option::Kind::json}};
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

// Nothing where nothing was said.
std::string log(const Call &call) {
    const std::string lines = call.ask("GET", "/jobs/" + http::encode(call.argument()) + "/log");
    const Table table =
        table_of({"ATTEMPT", "AT", "LEVEL", "MESSAGE"}, lines, [](const json::Object &line) -> Row {
            return {shown(line, "attempt"), shown(line, "at"), shown(line, "level"),
                    shown(line, "message")};
        });
    return table.rows.empty() ? "" : "\n" + as_table(table, colour_wanted());
}

int show(const Call &call) {
    const std::string job = call.ask("GET", "/jobs/" + http::encode(call.argument()));
    std::cout << shown_whole(call, job, {header(), {row_of(json::Object(job))}});
    if (call.format() == Format::table)
        std::cout << attempts(call) << log(call);
    return 0;
}

int create(const Call &call) {
    const std::string job = call.ask("POST", "/jobs", call.body(create_options()));
    call.say("Job " + shown(json::Object(job), "id") + " created", job,
             {header(), {row_of(json::Object(job))}});
    return 0;
}

// `rest` follows its id in the path.
int change(const Call &call, const char *method, const std::string &rest, const char *became,
           const std::string &body = {}) {
    const std::string job = call.ask(method, "/jobs/" + http::encode(call.argument()) + rest, body);
    call.say("Job " + call.argument() + " " + became, job, {header(), {row_of(json::Object(job))}});
    return 0;
}

// What else holds the payloads of deleted jobs.
using Holders = std::set<std::string>;

void add_holders(const json::Object &answer, Holders *holders) {
    if (const auto names = answer.raw("holders"))
        for (const std::string_view name : json::elements(*names))
            holders->insert(json::unquote(name));
}

std::string told(const Holders &holders) {
    std::string names;
    for (const std::string &name : holders)
        names += (names.empty() ? "; payload also in " : ", ") + name;
    return names;
}

std::string as_member(const Holders &holders) {
    std::string names;
    for (const std::string &name : holders)
        names += (names.empty() ? ",\"holders\":[" : ",") + json::quote(name);
    return names.empty() ? names : names + "]";
}

int delete_one(const Call &call) {
    const std::string answer = call.ask("DELETE", "/jobs/" + http::encode(call.argument()));
    Holders holders;
    if (!answer.empty())
        add_holders(json::Object(answer), &holders);
    call.say("Job " + call.argument() + " deleted" + told(holders),
             "{\"deleted\":" + json::quote(call.argument()) + as_member(holders) + "}",
             {{"DELETED"}, {{call.argument()}}});
    return 0;
}

// Goes on by itself where a search stopped.
int change_many(const Call &call, const std::string &verb, const std::string &became) {
    const std::string wanted = call.body(filter_options());
    std::string cursor;
    Holders holders;
    long long changed = 0;
    do {
        const std::string from = cursor.empty() ? "}" : ",\"cursor\":" + json::quote(cursor) + "}";
        const std::string answer =
            call.ask("POST", "/jobs/" + verb, wanted.substr(0, wanted.size() - 1) + from);
        changed += json::Object(answer).integer("changed").value_or(0);
        cursor = shown(json::Object(answer), "nextCursor");
        add_holders(json::Object(answer), &holders);
    } while (!cursor.empty());
    const std::string count = std::to_string(changed);
    call.say(count + (changed == 1 ? " job " : " jobs ") + became + told(holders),
             "{\"changed\":" + count + as_member(holders) + "}", {{"CHANGED"}, {{count}}});
    return 0;
}

// One by its id, or all of a filter; never both.
bool is_many(const Call &call, const char *verb) {
    const std::vector<Option> &filter = filter_options();
    const bool many = std::any_of(filter.begin(), filter.end(),
                                  [&](const Option &option) { return call.has(option.name); });
    if (many == call.argument().empty())
        return many;
    throw UsageError(std::string("jobs ") + verb +
                     " needs one ID, or a filter: --type, --since, --until, --phase, --q");
}

int retry(const Call &call) {
    constexpr const char *kBecame = "reset to queued";
    return is_many(call, "retry") ? change_many(call, "retry", kBecame)
                                  : change(call, "POST", "/retry", kBecame);
}

int cancel(const Call &call) {
    const bool force = call.has("force");
    if (!is_many(call, "cancel"))
        return change(call, "POST", force ? "/cancel?force=true" : "/cancel", "canceled");
    if (force)
        throw UsageError("--force is for one job");
    return change_many(call, "cancel", "canceled");
}

int run(const Call &call) {
    return is_many(call, "run") ? change_many(call, "run", "made due")
                                : change(call, "POST", "/run", "runs now");
}

int remove(const Call &call) {
    return is_many(call, "delete") ? change_many(call, "delete", "deleted") : delete_one(call);
}

const std::vector<Option> &place_options() {
    static const std::vector<Option> options = {{"run-at", "runAt", Option::Kind::text},
                                                {"delay", "delay", Option::Kind::text},
                                                {"priority", "priority", Option::Kind::integer}};
    return options;
}

int reschedule(const Call &call) {
    return change(call, "PATCH", "", "rescheduled", call.body(place_options()));
}

} // namespace

std::string listed_jobs(const Call &call, const std::string &jobs) {
    return listed(call, jobs, table_of(header(), jobs, row_of), "No jobs found.");
}

std::vector<Command> job_commands() {
    return {{"jobs", "list", nullptr, "jobs, the newest first", list_options(), list},
            {"jobs", "show", "ID", "a job, and its attempts", {}, show},
            {"jobs", "create", nullptr, "enqueue a job", create_options(), create},
            {"jobs", "retry", "ID", "put a failed job back into the queue, or all of a filter",
             filter_options(), retry, true},
            {"jobs", "run", "ID",
             "make a job due that waits for its time or was canceled, or all of a filter",
             filter_options(), run, true},
            {"jobs", "reschedule", "ID", "set when a queued job is due, its priority, or both",
             place_options(), reschedule},
            {"jobs", "cancel", "ID",
             "cancel a queued job, or all of a filter; with --force a running one too",
             cancel_options(), cancel, true},
            {"jobs", "delete", "ID", "delete a job that doesn't run, or all of a filter",
             filter_options(), remove, true}};
}

} // namespace ayb::cli
