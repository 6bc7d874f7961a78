#include "work/desk.hpp"

#include "json/json.hpp"
#include "work/wire.hpp"

#include <algorithm>

namespace ayb::work {

namespace {

using std::chrono::milliseconds;

constexpr milliseconds kLongestBeat{5000}; // how late we hear of a cancel
constexpr milliseconds kBackOff{500};
constexpr milliseconds kLongestStatement{15000};
constexpr std::size_t kMostReports = 1000;
constexpr std::size_t kMostBytes = 32 * 1024 * 1024; // of reports that are told together

db::ConnectionSettings connection_settings(const DeskSettings &settings) {
    return {settings.dsn, std::min(kLongestStatement, settings.lease / 2)};
}

} // namespace

Desk::Desk(DeskSettings settings, std::function<void()> news, Note note)
    : settings_(std::move(settings)), news_(std::move(news)), note_(std::move(note)),
      bell_({settings_.dsn, kLongestStatement}, "", db::waiting_for_jobs(settings_.worker),
            [this] {
                {
                    const std::lock_guard lock(mutex_);
                    due_ = true;
                }
                changed_.notify_one();
            }),
      thread_([this] { run(); }) {}

Desk::~Desk() {
    {
        const std::lock_guard lock(mutex_);
        stopping_ = true;
    }
    changed_.notify_one();
    thread_.join();
}

void Desk::add_room(std::size_t jobs) {
    {
        const std::lock_guard lock(mutex_);
        room_ += closed_ ? 0 : jobs;
    }
    changed_.notify_one();
}

void Desk::close() {
    const std::lock_guard lock(mutex_);
    closed_ = true;
    room_ = 0;
}

std::vector<Job> Desk::take_jobs() {
    const std::lock_guard lock(mutex_);
    return std::exchange(jobs_, {});
}

// Also what ran out while nothing is heard of the database.
std::vector<Desk::Lost> Desk::take_lost() {
    const std::lock_guard lock(mutex_);
    for (auto held = held_.begin(); held != held_.end();) {
        const bool over = !held->second.reported && held->second.safe_until <= Clock::now();
        if (over)
            lost_.push_back({held->first, held->second.attempt});
        held = over ? held_.erase(held) : std::next(held);
    }
    return std::exchange(lost_, {});
}

void Desk::tell(Report report) {
    {
        const std::lock_guard lock(mutex_);
        const auto held = held_.find(report.id);
        if (held != held_.end() && held->second.attempt == report.attempt)
            held->second.reported = true;
        reports_.push_back(std::move(report));
    }
    changed_.notify_one();
}

void Desk::give_back(const Job &job) {
    Report report;
    report.id = job.id;
    report.attempt = job.attempt;
    report.unbegun = report.alone = true;
    tell(std::move(report));
}

bool Desk::idle() {
    const std::lock_guard lock(mutex_);
    return reports_.empty() && jobs_.empty() && !busy_;
}

std::string Desk::refused() {
    const std::lock_guard lock(mutex_);
    return refused_;
}

void Desk::run() {
    for (;;) {
        {
            std::unique_lock lock(mutex_);
            while (!stopping_ && Clock::now() < next_step())
                changed_.wait_until(lock, next_step());
            if (stopping_)
                return;
            busy_ = true;
        }
        try {
            work();
        } catch (const db::Unavailable &error) {
            away(error.what());
        } catch (const db::Error &error) {
            away(error.what());
        }
        const std::lock_guard lock(mutex_);
        busy_ = false;
    }
}

// Under the lock: when there is something to do.
Desk::Clock::time_point Desk::next_step() {
    Clock::time_point next = Clock::time_point::max();
    if (!reports_.empty())
        next = Clock::time_point::min();
    if (!held_.empty())
        next = std::min(next, next_beat_);
    if (claim_is_due())
        next = Clock::time_point::min();
    // Waits of the standard library know no end of time.
    return std::min(std::max(next, next_try_), Clock::now() + std::chrono::hours(1));
}

void Desk::work() {
    report();
    bool beats = false;
    std::size_t room = 0;
    {
        const std::lock_guard lock(mutex_);
        const Clock::time_point now = Clock::now();
        beats = !held_.empty() && now >= next_beat_;
        room = claim_is_due() ? room_ : 0;
    }
    if (beats)
        beat();
    if (room > 0)
        claim(room);
    if (std::exchange(away_, false))
        note_("database back", "");
}

db::Connection &Desk::session() {
    if (!session_ || !session_->usable())
        session_ = std::make_unique<db::Connection>(connection_settings(settings_));
    return *session_;
}

void Desk::away(const std::string &why) {
    if (!std::exchange(away_, true))
        note_("database away: " + why, "");
    if (session_ && !session_->intact())
        session_.reset();
    const std::lock_guard lock(mutex_);
    due_ = true; // whatever was missed: who listens may hear nothing of the network for a while yet
    next_try_ = Clock::now() + kBackOff;
}

// As many of one kind as can be told together.
std::vector<Report> Desk::take_reports() {
    const std::lock_guard lock(mutex_);
    std::vector<Report> taken;
    std::size_t bytes = 0;
    auto report = reports_.begin();
    for (; report != reports_.end() && taken.size() < kMostReports; ++report) {
        bytes += report->result.value_or("").size() + report->error.size();
        if (!taken.empty() && (report->alone || taken.front().alone || bytes > kMostBytes ||
                               report->completed != taken.front().completed))
            break;
        taken.push_back(std::move(*report));
    }
    reports_.erase(reports_.begin(), report);
    return taken;
}

void Desk::report() {
    for (;;) {
        const std::vector<Report> reports = take_reports();
        if (reports.empty())
            return;
        try {
            send(reports);
            told(reports);
        } catch (const db::Error &error) {
            send_otherwise(reports, error);
        } catch (...) {
            put_back(reports);
            throw;
        }
    }
}

void Desk::send(const std::vector<Report> &reports) {
    static const std::string complete =
        "SELECT id, reason FROM ayb_jobs.complete_many($1, $2::jsonb)";
    static const std::string fail = "SELECT id, reason FROM ayb_jobs.fail_many($1, $2::jsonb)";
    if (reports.front().unbegun)
        return send_back(reports.front());
    std::string jobs;
    for (const Report &report : reports)
        jobs += (jobs.empty() ? "[" : ",") + json_of(report);
    const db::Result refused = session().query(reports.front().completed ? complete : fail,
                                               {settings_.worker, jobs + "]"});
    for (int row = 0; row < refused.rows(); row++)
        note_("the job isn't ours any more: " + refused.at(row, 1).value_or(""),
              refused.at(row, 0).value_or(""));
}

// Where it isn't ours any more, nothing is left to do.
void Desk::send_back(const Report &report) {
    static const std::string sql = "SELECT FROM ayb_jobs.snooze($1, $2, $3)";
    try {
        session().query(sql, {report.id, settings_.worker, std::to_string(report.attempt)});
    } catch (const db::Error &error) {
        if (error.sqlstate != "55000" && error.sqlstate != "P0002")
            throw;
        note_(error.what(), report.id);
    }
}

void Desk::told(const std::vector<Report> &reports) {
    const std::lock_guard lock(mutex_);
    for (const Report &report : reports)
        if (const auto held = held_.find(report.id);
            held != held_.end() && held->second.attempt == report.attempt)
            held_.erase(held);
}

void Desk::put_back(std::vector<Report> reports) {
    const std::lock_guard lock(mutex_);
    reports_.insert(reports_.begin(), std::make_move_iterator(reports.begin()),
                    std::make_move_iterator(reports.end()));
}

// Of several each is tried alone: one may have spoilt it for all. What can't be told is given up.
void Desk::send_otherwise(std::vector<Report> reports, const db::Error &error) {
    const bool later = passes(error);
    if (!later && reports.size() == 1) {
        std::optional<Report> other = otherwise(reports.front(), error);
        if (!other) {
            note_(std::string("the job's end can't be told: ") + error.what(), reports.front().id);
            return told(reports);
        }
        reports.front() = *std::move(other);
    }
    for (Report &report : reports)
        report.alone = report.alone || !later;
    put_back(std::move(reports));
    if (later)
        throw error;
}

std::string Desk::held_as_json() {
    const std::lock_guard lock(mutex_);
    std::string jobs;
    for (const auto &[id, held] : held_)
        jobs += (jobs.empty() ? "[" : ",") + ("{\"id\":" + json::quote(id)) +
                ",\"attempt\":" + std::to_string(held.attempt) + "}";
    next_beat_ = Clock::now() + std::min(kLongestBeat, settings_.lease / 3);
    return jobs.empty() ? "[]" : jobs + "]";
}

// A lease that has more than half before it is left as it is.
void Desk::beat() {
    static const std::string sql =
        "SELECT id, reason FROM ayb_jobs.extend_many($1, $2::jsonb, $3::interval)";
    const std::string jobs = held_as_json();
    const Clock::time_point sent = Clock::now();
    const db::Result refused =
        session().query(sql, {settings_.worker, jobs, interval_of(settings_.lease)});
    {
        const std::lock_guard lock(mutex_);
        for (int row = 0; row < refused.rows(); row++)
            lose(refused.at(row, 0).value_or(""));
        for (auto &[id, held] : held_)
            held.safe_until = std::max(held.safe_until, sent + settings_.lease / 2);
    }
    for (int row = 0; row < refused.rows(); row++)
        note_("the job isn't ours any more: " + refused.at(row, 1).value_or(""),
              refused.at(row, 0).value_or(""));
    if (refused.rows() > 0)
        news_();
}

// Under the lock.
void Desk::lose(const std::string &id) {
    const auto held = held_.find(id);
    if (held == held_.end())
        return;
    lost_.push_back({id, held->second.attempt});
    held_.erase(held);
}

void Desk::claim(std::size_t most) {
    const Clock::time_point sent = Clock::now();
    try {
        take_claimed(
            session().query(kClaimSql, {settings_.worker, db::array_of(settings_.types),
                                        std::to_string(most), interval_of(settings_.lease)}),
            most, sent);
    } catch (const db::Error &error) {
        claim_failed(error);
    }
}

// What the first claim is told will be told the next one, too.
void Desk::claim_failed(const db::Error &error) {
    if (welcome_ || passes(error))
        throw error;
    {
        const std::lock_guard lock(mutex_);
        refused_ = error.what();
    }
    news_();
}

// What was there is claimed.
void Desk::listen(bool empty_handed) {
    empty_handed_ = empty_handed ? empty_handed_ + 1 : 0;
    bell_.listen(settings_.types, empty_handed_);
}

void Desk::take_claimed(const db::Result &result, std::size_t wanted, Clock::time_point sent) {
    const auto count = static_cast<std::size_t>(result.rows());
    welcome_ = true;
    {
        const std::lock_guard lock(mutex_);
        if (held_.empty())
            next_beat_ = sent + std::min(kLongestBeat, settings_.lease / 3);
        for (int row = 0; row < result.rows(); row++) {
            jobs_.push_back(job_of(result, row));
            lose(jobs_.back().id); // an earlier attempt, whose lease was over before we knew
            held_[jobs_.back().id] = {jobs_.back().attempt, sent + settings_.lease, false};
        }
        room_ -= std::min(room_, count);
        due_ = count == wanted;
    }
    if (count < wanted)
        listen(count == 0);
    if (count > 0)
        news_();
}

} // namespace ayb::work
