#include "work/leaving.hpp"
#include "work/lines.hpp"
#include "work/place.hpp"

#include <algorithm>
#include <list>

namespace ayb::work {

namespace {

class ByLines : public Place {
  public:
    ByLines(const Launch &launch, Desk &desk, const Note &note)
        : launch_(launch), desk_(desk), note_(note) {}

    void start(Job &&job) override;
    void lose(const Desk::Lost &lost) override;
    void close() override;
    void end_all() override;
    void watch(std::vector<pollfd> &looks) const override;
    void go_on() override;
    bool empty() const override { return members_.empty(); }

  private:
    struct Member {
        std::unique_ptr<Process> process;
        std::optional<Job> job; // in hand
        bool stopped = false;   // by us, since we stop
        Leaving leaving;
    };

    Member &idle_one();
    void listen(Member &member);
    void hear(Member &member, std::string_view line);
    void finish(Member &member, Report report);
    void bury(Member &member);

    const Launch &launch_;
    Desk &desk_;
    const Note &note_;
    std::list<Member> members_;
    bool closed_ = false; // no job follows
};

// One that has nothing in hand, started where there is none. Throws std::system_error.
ByLines::Member &ByLines::idle_one() {
    const auto idle = std::find_if(members_.begin(), members_.end(), [](const Member &member) {
        return !member.job && !member.leaving.asked();
    });
    if (idle != members_.end())
        return *idle;
    auto process = std::make_unique<Process>(launch_, std::vector<std::string>(), kLongestLine);
    Member &member = members_.emplace_back();
    member.process = std::move(process);
    return member;
}

void ByLines::start(Job &&job) {
    Member &member = idle_one();
    member.process->write(line_of(job));
    member.process->ending().err.clear();
    member.job = std::move(job);
}

void ByLines::lose(const Desk::Lost &lost) {
    for (Member &member : members_)
        if (member.job && member.job->id == lost.id && member.job->attempt == lost.attempt) {
            member.job.reset();
            desk_.add_room(1);
            member.leaving.ask(*member.process);
        }
}

void ByLines::close() {
    closed_ = true;
    for (Member &member : members_)
        if (!member.job)
            member.leaving.end_input(*member.process);
}

void ByLines::end_all() {
    for (Member &member : members_) {
        member.stopped = true;
        member.leaving.ask(*member.process);
    }
}

void ByLines::watch(std::vector<pollfd> &looks) const {
    for (const Member &member : members_)
        member.process->watch(looks);
}

void ByLines::go_on() {
    for (auto member = members_.begin(); member != members_.end();) {
        member->process->go_on();
        listen(*member);
        if (member->process->ended()) {
            bury(*member);
            member = members_.erase(member);
            continue;
        }
        member->leaving.go_on(*member->process);
        ++member;
    }
}

// All lines that are there as a whole. What is said without a job is never an answer.
void ByLines::listen(Member &member) {
    std::string &said = member.process->ending().out;
    std::size_t from = 0;
    for (std::size_t end; (end = said.find('\n', from)) != std::string::npos; from = end + 1)
        hear(member, std::string_view(said).substr(from, end - from));
    said.erase(0, from);
    if (!said.empty() && !member.job)
        hear(member, said);
    if (!member.process->speaks())
        member.leaving.ask(*member.process);
}

void ByLines::hear(Member &member, std::string_view line) {
    if (member.leaving.asked() && !member.job)
        return;
    std::optional<Report> report =
        member.job ? answer_of(*member.job, line) : std::optional<Report>();
    if (!report) {
        note_("a program said what it wasn't asked, and is ended",
              member.job ? member.job->id : "");
        member.leaving.ask(*member.process);
        if (member.job)
            report = misspoke(*member.job, line);
    }
    if (report)
        finish(member, *std::move(report));
}

void ByLines::finish(Member &member, Report report) {
    desk_.tell(std::move(report));
    desk_.add_room(1);
    member.job.reset();
    member.process->ending().err.clear();
    if (closed_)
        member.leaving.end_input(*member.process);
}

void ByLines::bury(Member &member) {
    if (!member.job)
        return;
    Report report = died(*member.job, member.process->ending());
    if (member.stopped && !report.final)
        report.retry_in = "0";
    finish(member, std::move(report));
}

} // namespace

std::unique_ptr<Place> by_lines(const Launch &launch, Desk &desk, const Note &note) {
    return std::make_unique<ByLines>(launch, desk, note);
}

} // namespace ayb::work
