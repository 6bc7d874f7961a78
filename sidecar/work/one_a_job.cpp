#include "work/leaving.hpp"
#include "work/place.hpp"

#include <list>

namespace ayb::work {

namespace {

class OneAJob : public Place {
  public:
    OneAJob(const Launch &launch, Desk &desk) : launch_(launch), desk_(desk) {}

    void start(Job &&job) override;
    void lose(const Desk::Lost &lost) override;
    void close() override {}
    void end_all() override;
    void watch(std::vector<pollfd> &looks) const override;
    void go_on() override;
    bool empty() const override { return running_.empty(); }

  private:
    struct Running {
        Job job;
        std::unique_ptr<Process> process;
        bool lost = false;
        bool stopped = false; // by us, since we stop
        Leaving leaving = {};
    };

    void finish(Running &running);

    const Launch &launch_;
    Desk &desk_;
    std::list<Running> running_;
};

void OneAJob::start(Job &&job) {
    auto process = std::make_unique<Process>(launch_, variables_of(job), kLongestOutput);
    process->write(job.payload + "\n");
    process->end_input();
    running_.push_back({std::move(job), std::move(process)});
}

void OneAJob::lose(const Desk::Lost &lost) {
    for (Running &running : running_)
        if (running.job.id == lost.id && running.job.attempt == lost.attempt) {
            running.lost = true;
            running.leaving.ask(*running.process);
        }
}

void OneAJob::end_all() {
    for (Running &running : running_) {
        running.stopped = true;
        running.leaving.ask(*running.process);
    }
}

void OneAJob::watch(std::vector<pollfd> &looks) const {
    for (const Running &running : running_)
        running.process->watch(looks);
}

void OneAJob::go_on() {
    for (auto running = running_.begin(); running != running_.end();) {
        running->process->go_on();
        if (running->process->ended()) {
            finish(*running);
            running = running_.erase(running);
            continue;
        }
        running->leaving.go_on(*running->process);
        ++running;
    }
}

// A program that ended well when it was asked to has done its job all the same.
void OneAJob::finish(Running &running) {
    Report report = report_of(running.job, running.process->ending());
    if (running.stopped && !report.completed && !report.final)
        report.retry_in = "0";
    if (!running.lost)
        desk_.tell(std::move(report));
    desk_.add_room(1);
}

} // namespace

std::unique_ptr<Place> one_a_job(const Launch &launch, Desk &desk) {
    return std::make_unique<OneAJob>(launch, desk);
}

} // namespace ayb::work
