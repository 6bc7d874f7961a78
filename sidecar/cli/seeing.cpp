// stats, health, top.
#include "cli/command.hpp"

#include <algorithm>
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

constexpr Option kPhases = {"phases", nullptr, Option::Kind::flag};

Table phases_table(const std::string &stats) {
    const json::Object now(stats);
    return {{"DUE", "EXTERNAL", "WAITING", "SCHEDULED", "RETRYING"},
            {{shown(now, "due"), shown(now, "external"), shown(now, "waiting"),
              shown(now, "scheduled"), shown(now, "retrying")}}};
}

int stats(const Call &call) {
    return show(call, [&call] {
        const bool phases = call.has(kPhases.name);
        const std::string now = call.ask("GET", phases ? "/jobs/stats?phases=true" : "/jobs/stats");
        return listed(call, now, phases ? phases_table(now) : stats_table(now), "");
    });
}

Row check_row(const json::Object &check) {
    return {shown(check, "name"), shown(check, "status"), shown(check, "detail"),
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

Row worker_header() {
    return {"PID", "ROLE", "STATE", "TYPE", "JOB", "%", "OUTSIDE", "JOBS", "LEASE UNTIL"};
}

// What one of ours is at; of one outside, which may hold many jobs, all types that it does.
std::string types_of(const json::Object &worker) {
    return worker.raw("types") ? shown_list(worker, "types") : shown(worker, "type");
}

// Who is outside has a name, if any.
Row worker_row(const json::Object &worker) {
    const bool outside = worker.boolean("outside").value_or(false);
    return {shown(worker, "pid"),
            shown(worker, "role"),
            shown(worker, "state"),
            types_of(worker),
            shown(worker, "jobId"),
            shown(worker, "percent"),
            outside ? shown(worker, "workerId", "yes") : "-",
            shown(worker, "jobs"),
            shown(worker, "leaseUntil")};
}

constexpr const char *kNobody = "No workers.";

int workers(const Call &call) {
    return show(call, [&call] {
        const std::string now = call.ask("GET", "/workers");
        return listed(call, now, table_of(worker_header(), now, worker_row), kNobody);
    });
}

Row bucket_row(const json::Object &bucket) {
    return {shown(bucket, "bucket"),      shown(bucket, "type", "-"),
            shown(bucket, "completed"),   shown(bucket, "failed"),
            shown(bucket, "retried"),     shown(bucket, "waitP95", "-"),
            shown(bucket, "runP50", "-"), shown(bucket, "runP95", "-")};
}

const std::vector<Option> &series_options() {
    static const std::vector<Option> options = {{"since", "since", Option::Kind::text},
                                                {"step", "step", Option::Kind::text},
                                                {"type", "type", Option::Kind::text},
                                                {"total", "total", Option::Kind::boolean},
                                                kWatch};
    return options;
}

int series(const Call &call) {
    return show(call, [&call] {
        const std::string buckets = call.ask("GET", "/series" + call.query(series_options()));
        const Row header = {"BUCKET",  "TYPE",          "COMPLETED",    "FAILED",
                            "RETRIED", "WAIT P95 (MS)", "RUN P50 (MS)", "RUN P95 (MS)"};
        return listed(call, buckets, table_of(header, buckets, bucket_row), "Nothing has run.");
    });
}

Row depth_row(const json::Object &bucket) {
    return {shown(bucket, "bucket"), shown(bucket, "queued"), shown(bucket, "running"),
            shown(bucket, "oldestDueAgeSec", "-")};
}

const std::vector<Option> &depth_options() {
    static const std::vector<Option> options = {
        {"since", "since", Option::Kind::text}, {"step", "step", Option::Kind::text}, kWatch};
    return options;
}

int depths(const Call &call) {
    return show(call, [&call] {
        const std::string buckets = call.ask("GET", "/depths" + call.query(depth_options()));
        const Row header = {"BUCKET", "QUEUED", "RUNNING", "OLDEST DUE (S)"};
        return listed(call, buckets, table_of(header, buckets, depth_row), "Nothing was queued.");
    });
}

Row database_row(const json::Object &database) {
    return {shown(database, "name"),
            shown(database, "database", "-"),
            shown(database, "host", "-"),
            shown(database, "serverVersion", "-"),
            shown(database, "extensionVersion", "-"),
            shown(database, "status")};
}

int databases(const Call &call) {
    const std::string all = call.ask("GET", "/databases");
    std::cout << listed(
        call, all,
        table_of({"NAME", "DATABASE", "HOST", "SERVER", "EXTENSION", "STATUS"}, all, database_row),
        "");
    return 0;
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

// The types with most jobs: waiting, running, or ended in the last hour.
Table busiest_types(const std::string &types) {
    constexpr std::size_t kMost = 5;
    Table table = types_table(types);
    const auto cell = [&](const Row &row, const char *column) {
        const auto at = std::find(table.header.begin(), table.header.end(), column);
        return std::stoll(row.at(static_cast<std::size_t>(at - table.header.begin())));
    };
    const auto jobs = [&](const Row &row) {
        return cell(row, "QUEUED") + cell(row, "RUNNING") + cell(row, "DONE/H") +
               cell(row, "FAILED/H");
    };
    const auto is_idle = [&](const Row &row) { return jobs(row) == 0; };
    std::vector<Row> &rows = table.rows;
    rows.erase(std::remove_if(rows.begin(), rows.end(), is_idle), rows.end());
    std::stable_sort(rows.begin(), rows.end(),
                     [&](const Row &a, const Row &b) { return jobs(a) > jobs(b); });
    rows.resize(std::min(rows.size(), kMost));
    return table;
}

std::string look(const Call &call, std::optional<Look> &last) {
    const std::string stats = call.ask("GET", "/jobs/stats");
    const Look now = {json::Object(stats).integer("completed").value_or(0),
                      std::chrono::steady_clock::now()};
    const bool colour = colour_wanted();
    std::string out = as_table(stats_table(stats), colour) + "\n" + rate(last, now);
    last = now;
    out += as_table(busiest_types(call.ask("GET", "/types")), colour) + "\n";
    const Table workers = table_of(worker_header(), call.ask("GET", "/workers"), worker_row);
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
                                                {"role", "role", Option::Kind::text},
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

const std::vector<Option> &drain_options() {
    static const std::vector<Option> options = {{"timeout", "timeoutSec", Option::Kind::number}};
    return options;
}

// What drain() does; exit status 1 where it had to interrupt.
int drain(const Call &call) {
    const std::string drained = call.ask("POST", "/drain", call.body(drain_options()));
    const bool interrupted = json::Object(drained).boolean("interrupted").value_or(false);
    const std::string stats = call.ask("GET", "/jobs/stats");
    const long long outside = json::Object(stats).integer("running").value_or(0);
    std::string sentence = "Drained: ";
    if (interrupted)
        sentence += "what still ran was interrupted, and waits again, uncharged; ";
    else if (outside == 0)
        sentence += "nothing runs, and ";
    sentence += "nothing starts until resume";
    if (outside > 0)
        sentence += "; " + std::to_string(outside) + " go on at workers outside";
    call.say(sentence, drained, {{"INTERRUPTED"}, {{interrupted ? "true" : "false"}}});
    return interrupted ? 1 : 0;
}

int resume(const Call &call) {
    const std::string status = call.ask("POST", "/resume");
    call.say("Resumed", status, {{"STATUS"}, {{"ok"}}});
    return 0;
}

} // namespace

std::vector<Command> seeing_commands() {
    return {
        {"", "token", nullptr, "a token with a name and a right, for a time", token_options(),
         token},
        {"", "adopt", nullptr, "let a restored or copied database run its jobs", {}, adopt},
        {"",
         "stats",
         nullptr,
         "how many jobs are in each state, or phase",
         {kPhases, kWatch},
         stats},
        {"", "workers", nullptr, "the engine's processes, and what each is at", {kWatch}, workers},
        {"", "databases", nullptr, "what databases are served", {}, databases},
        {"", "series", nullptr, "counts and latencies over time", series_options(), series},
        {"", "depths", nullptr, "how deep the queue was over time", depth_options(), depths},
        {"", "drain", nullptr, "start no more jobs, wait for those that run, then interrupt them",
         drain_options(), drain},
        {"", "resume", nullptr, "start jobs again", {}, resume},
        {"",
         "health",
         nullptr,
         "what is well; exit 0 ok, 1 warning, 2 error, 3 unknown",
         {},
         health},
        {"", "top", nullptr, "throughput, types, workers and lanes, live until q", {}, top}};
}

} // namespace ayb::cli
