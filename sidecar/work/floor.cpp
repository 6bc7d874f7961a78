#include "work/floor.hpp"

#include <system_error>

namespace ayb::work {

namespace {

constexpr std::chrono::seconds kAskedFor{5}; // then it is ended

} // namespace

void Floor::start(Job job) {
    try {
        auto process = std::make_unique<Process>(launch_, variables_of(job));
        process->write(job.payload + "\n");
        process->end_input();
        running_.push_back({std::move(job), std::move(process)});
    } catch (const std::system_error &error) {
        Ending ending;
        ending.start_error = error.code().value();
        desk_.tell(report_of(job, ending));
        desk_.add_room(1);
    }
}

void Floor::ask_to_end(Running &running) {
    if (running.end_at != Clock::time_point::max())
        return;
    running.process->ask_to_end();
    running.end_at = Clock::now() + kAskedFor;
}

void Floor::lose(const Desk::Lost &lost) {
    for (Running &running : running_)
        if (running.job.id == lost.id && running.job.attempt == lost.attempt) {
            running.lost = true;
            ask_to_end(running);
        }
}

void Floor::end_all() {
    for (Running &running : running_) {
        running.stopped = true;
        ask_to_end(running);
    }
}

void Floor::watch(std::vector<pollfd> &looks) const {
    for (const Running &running : running_)
        running.process->watch(looks);
}

void Floor::go_on() {
    for (auto running = running_.begin(); running != running_.end();) {
        running->process->go_on();
        if (running->process->ended()) {
            finish(*running);
            running = running_.erase(running);
            continue;
        }
        if (running->end_at <= Clock::now())
            running->process->end();
        ++running;
    }
}

// A program that ended well when it was asked to has done its job all the same.
void Floor::finish(Running &running) {
    Report report = report_of(running.job, running.process->ending());
    if (running.stopped && !report.completed && !report.final)
        report.retry_in = "0";
    if (!running.lost)
        desk_.tell(std::move(report));
    desk_.add_room(1);
}

} // namespace ayb::work
