// stats, health, top.
#include "cli/command.hpp"

#include <chrono>
#include <cmath>
#include <iostream>
#include <optional>
#include <unistd.h>

namespace ayb::cli {

namespace {

Table stats_table(const std::string &stats) {
    const json::Object now(stats);
    return {
        {"QUEUED", "RUNNING", "COMPLETED", "FAILED", "CANCELED", "OLDEST DUE (S)"},
        {{shown(now, "queued"), shown(now, "running"), shown(now, "completed"),
          shown(now, "failed"), shown(now, "canceled"), shown(now, "oldestQueuedAgeSec", "-")}}};
}

int stats(const Call &call) {
    const std::string now = call.ask("GET", "/jobs/stats");
    std::cout << listed(call, now, stats_table(now), "");
    return 0;
}

Row check_row(const json::Object &check) {
    return {shown(check, "check"), shown(check, "status"), shown(check, "detail"),
            shown(check, "hint")};
}

// As monitoring plug-ins have it.
int health(const Call &call) {
    const std::string checks = call.ask("GET", "/health");
    const Table table = table_of({"CHECK", "STATUS", "DETAIL", "HINT"}, checks, check_row);
    std::cout << listed(call, checks, table, "");
    int worst = 0;
    for (const Row &row : table.rows)
        worst = std::max(worst, row[1] == "error" ? 2 : row[1] == "warning" ? 1 : 0);
    return worst;
}

Row worker_row(const json::Object &worker) {
    return {shown(worker, "pid"),  shown(worker, "role"),  shown(worker, "state"),
            shown(worker, "type"), shown(worker, "jobId"), shown(worker, "percent")};
}

Row lane_row(const json::Object &lane) {
    return {shown(lane, "role"),    shown(lane, "queued"),     shown(lane, "running"),
            shown(lane, "workers"), shown(lane, "dueAt", "-"), shown(lane, "error", "-")};
}

// What was completed until when, for a rate.
struct Look {
    long long completed;
    std::chrono::steady_clock::time_point at;
};

std::string rate(const std::optional<Look> &last, const Look &now) {
    if (!last)
        return "";
    const std::chrono::duration<double> took = now.at - last->at;
    const auto done = static_cast<double>(std::max(now.completed - last->completed, 0LL));
    return "completed per second: " + std::to_string(std::llround(done / took.count())) + "\n\n";
}

std::string look(const Call &call, std::optional<Look> &last) {
    const std::string stats = call.ask("GET", "/jobs/stats");
    const Look now = {json::Object(stats).integer("completed").value_or(0),
                      std::chrono::steady_clock::now()};
    const bool colour = colour_wanted();
    std::string out = as_table(stats_table(stats), colour) + "\n" + rate(last, now);
    last = now;
    const Table workers = table_of({"PID", "ROLE", "STATE", "TYPE", "JOB", "%"},
                                   call.ask("GET", "/workers"), worker_row);
    out += as_table(workers, colour) + "\n";
    const Table lanes = table_of({"LANE", "QUEUED", "RUNNING", "WORKERS", "DUE", "ERROR"},
                                 call.ask("GET", "/lanes"), lane_row);
    return out + as_table(lanes, colour);
}

// Live on a terminal; once into a pipe.
int top(const Call &call) {
    std::optional<Look> last;
    if (isatty(STDOUT_FILENO) == 1)
        watch(1, [&] { return look(call, last); });
    else
        std::cout << look(call, last);
    return 0;
}

int adopt(const Call &call) {
    const std::string done = call.ask("POST", "/adopt");
    call.say("The database runs its jobs", done, {{"STATUS"}, {{"ok"}}});
    return 0;
}

const std::vector<Option> &token_options() {
    static const std::vector<Option> options = {{"name", "name", Option::Kind::text},
                                                {"right", "right", Option::Kind::text},
                                                {"lifetime", "lifetimeSec", Option::Kind::number}};
    return options;
}

int token(const Call &call) {
    const std::string made = call.ask("POST", "/tokens", call.body(token_options()));
    const json::Object shows(made);
    call.say(shown(shows, "token"), made,
             {{"TOKEN", "NAME", "RIGHT", "EXPIRES"},
              {{shown(shows, "token"), shown(shows, "name"), shown(shows, "right"),
                shown(shows, "expiresAt")}}});
    return 0;
}

} // namespace

std::vector<Command> seeing_commands() {
    return {{"", "token", nullptr, "a token with a name and a right, for a time", token_options(),
             token},
            {"", "adopt", nullptr, "let a restored or copied database run its jobs", {}, adopt},
            {"", "stats", nullptr, "how many jobs are in each state", {}, stats},
            {"",
             "health",
             nullptr,
             "what is well; exit 0 ok, 1 warning, 2 error, 3 unknown",
             {},
             health},
            {"", "top", nullptr, "throughput, workers and lanes, live", {}, top}};
}

} // namespace ayb::cli
