// stats, health, top.
#include "cli/command.hpp"

#include <iostream>
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
    print_list(call, now, stats_table(now), "");
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
    print_list(call, checks, table, "");
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

void print_top(const Call &call, long long &completed) {
    const std::string stats = call.ask("GET", "/jobs/stats");
    const long long now = json::Object(stats).integer("completed").value_or(0);
    const bool colour = colour_wanted();
    std::cout << as_table(stats_table(stats), colour) << "\n";
    if (completed >= 0)
        std::cout << "completed per second: " << std::max(now - completed, 0LL) << "\n\n";
    completed = now;
    const Table workers = table_of({"PID", "ROLE", "STATE", "TYPE", "JOB", "%"},
                                   call.ask("GET", "/workers"), worker_row);
    std::cout << as_table(workers, colour) << "\n";
    const Table lanes = table_of({"LANE", "QUEUED", "RUNNING", "WORKERS", "DUE", "ERROR"},
                                 call.ask("GET", "/lanes"), lane_row);
    std::cout << as_table(lanes, colour);
}

// Live on a terminal; once into a pipe.
int top(const Call &call) {
    long long completed = -1;
    repeat(isatty(STDOUT_FILENO) == 1, 1, [&] { print_top(call, completed); });
    return 0;
}

} // namespace

std::vector<Command> seeing_commands() {
    return {{"", "stats", nullptr, "how many jobs are in each state", {}, stats},
            {"",
             "health",
             nullptr,
             "what is well; exit 0 ok, 1 warning, 2 error, 3 unknown",
             {},
             health},
            {"", "top", nullptr, "throughput, workers and lanes, live", {}, top}};
}

} // namespace ayb::cli
