#include "api/metrics.hpp"

#include "route/fresh.hpp"

#include <future>
#include <sstream>

namespace ayb::api {

namespace {

using Deadline = std::chrono::steady_clock::time_point;

constexpr std::chrono::milliseconds kAge{1000};
// So long a database may take to say what it has; Prometheus waits for ten seconds by default.
constexpr std::chrono::milliseconds kPatience{2000};

// Lines "name{labels} value", those of a metric together, as the text format wants them.
class Samples {
  public:
    void add(const std::string &name, const std::string &labels, const std::string &value) {
        std::string &lines = lines_of(name);
        lines += name + (labels.empty() ? "" : "{" + labels + "}") + " " + value + "\n";
    }
    std::string text() const {
        std::string out;
        for (const auto &[name, lines] : metrics_) {
            const bool counts = name.size() > 6 && name.compare(name.size() - 6, 6, "_total") == 0;
            out.append("# TYPE ").append(name).append(counts ? " counter\n" : " gauge\n");
            out += lines;
        }
        return out;
    }

  private:
    std::string &lines_of(const std::string &name) {
        for (auto &[known, lines] : metrics_)
            if (known == name)
                return lines;
        return metrics_.emplace_back(name, "").second;
    }

    std::vector<std::pair<std::string, std::string>> metrics_;
};

// Of the first thousand by name. Theirs may have what a label has to escape.
constexpr const char *kSchedules =
    "(SELECT string_agg(concat_ws(E'\\n',"
    " 'ayb_jobs_schedule_failing ' || o.label || ' ' || (o.failures > 0)::integer,"
    " 'ayb_jobs_schedule_last_success_timestamp_seconds ' || o.label || ' '"
    " || extract(epoch FROM o.last_success_at)), E'\\n')"
    " FROM (SELECT w.*, 'schedule=\"' || replace(replace(replace(w.name, E'\\\\', E'\\\\\\\\'),"
    " '\"', E'\\\\\"'), E'\\n', E'\\\\n') || '\"' AS label FROM ayb_jobs.schedule_outcomes AS w"
    " WHERE w.enabled ORDER BY w.name LIMIT 1000) AS o)";

// "name labels value" a line. A schedule's name may have blanks, but behind it stands the value.
std::string ask_database(db::Pool &pool) {
    static const std::string sql =
        "SELECT concat_ws(E'\\n', 'ayb_jobs_jobs state=\"queued\" ' || s.queued,"
        " 'ayb_jobs_jobs state=\"running\" ' || s.running,"
        " 'ayb_jobs_jobs state=\"completed\" ' || s.completed,"
        " 'ayb_jobs_jobs state=\"failed\" ' || s.failed,"
        " 'ayb_jobs_jobs state=\"canceled\" ' || s.canceled,"
        " 'ayb_jobs_oldest_due_seconds  ' || greatest(coalesce(s.oldest_due_seconds, 0), 0),"
        " (SELECT 'ayb_jobs_workers  ' || count(*) FROM ayb_jobs.workers()),"
        " (SELECT string_agg('ayb_jobs_check check=\"' || h.name || '\",status=\"' || h.status"
        " || '\" 1', E'\\n') FROM ayb_jobs.health() AS h), " +
        std::string(kSchedules) + ") FROM ayb_jobs.stats() AS s";
    try {
        return Database(pool, kReader).ask(sql).value_or("") + "\nayb_jobs_up  1";
    } catch (const std::exception &) {
        return "ayb_jobs_up  0";
    }
}

// A database that may still be saying what it has.
class Asked {
  public:
    explicit Asked(const NamedPool &database) : database_(database) {}

    // Unless it is still asked since the last time.
    void ask() {
        if (!said_.valid())
            said_ = std::async(std::launch::async,
                               [&pool = database_.pool] { return ask_database(pool); });
    }
    // One that has not said it by then isn't up.
    void add_to(Samples &samples, Deadline end) {
        const bool came = said_.wait_until(end) == std::future_status::ready;
        std::istringstream lines(came ? said_.get() : "ayb_jobs_up  0");
        for (std::string line; std::getline(lines, line);) {
            const std::size_t label = line.find(' ') + 1;
            const std::size_t value = line.rfind(' ') + 1;
            const std::string labels = line.substr(label, value - label - 1);
            samples.add(line.substr(0, label - 1), with_name(labels), line.substr(value));
        }
        const db::Pool::Usage usage = database_.pool.usage();
        samples.add("ayb_jobs_database_connections", with_name(""), std::to_string(usage.open));
        samples.add("ayb_jobs_database_connections_busy", with_name(""),
                    std::to_string(usage.lent));
    }

  private:
    // Names of databases have no character that a label would have to escape.
    std::string with_name(const std::string &labels) const {
        return "database=\"" + database_.name + (labels.empty() ? "\"" : "\"," + labels);
    }

    const NamedPool &database_;
    std::future<std::string> said_;
};

// All at once: so one that hangs costs the others no more than its patience.
std::string ask_all(std::vector<Asked> &all) {
    for (Asked &one : all)
        one.ask();
    Samples samples;
    const Deadline end = std::chrono::steady_clock::now() + kPatience;
    for (Asked &one : all)
        one.add_to(samples, end);
    return samples.text();
}

std::string own_metrics(const Counters &counters, AllEvents &events) {
    Samples samples;
    for (std::size_t digit = 1; digit < counters.requests.size(); digit++)
        samples.add("ayb_jobs_http_requests_total", "status=\"" + std::to_string(digit) + "xx\"",
                    std::to_string(counters.requests[digit].load()));
    samples.add("ayb_jobs_http_connections", "", std::to_string(counters.connections()));
    samples.add("ayb_jobs_http_listeners", "", std::to_string(events.listeners()));
    return samples.text();
}

http::Response metrics(const std::optional<std::string> &asked, const Counters &counters,
                       AllEvents &events) {
    if (!asked)
        throw Failure(503, "the first metrics are being asked for");
    http::Response response = json_response(*asked + own_metrics(counters, events));
    response.content_type = "text/plain; version=0.0.4; charset=utf-8";
    return response;
}

} // namespace

// It wants no token, so all askers together cost a database a statement a second.
std::vector<Route> metrics_routes(const Databases &databases, const Counters &counters,
                                  AllEvents &events) {
    const auto all = std::make_shared<std::vector<Asked>>();
    for (const NamedPool &one : databases.all())
        all->emplace_back(one);
    const auto asked = std::make_shared<Fresh<std::string>>(kAge, [all] { return ask_all(*all); });
    return {{"GET", "/metrics", Access::open, [asked, &counters, &events](const Call &) {
                 return metrics(asked->get(), counters, events);
             }}};
}

} // namespace ayb::api
