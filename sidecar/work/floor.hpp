#pragma once
// Where programs run: a program a job.
#include "work/desk.hpp"
#include "work/process.hpp"

#include <list>

namespace ayb::work {

class Floor {
  public:
    using Clock = std::chrono::steady_clock;

    Floor(const Launch &launch, Desk &desk) : launch_(launch), desk_(desk) {}

    void start(Job job);
    // The job is somebody else's, or nobody's any more: its program is to end, and says nothing.
    void lose(const Desk::Lost &lost);
    // All programs are to end; what they were at is tried again, at once.
    void end_all();

    void watch(std::vector<pollfd> &looks) const;
    void go_on();
    bool empty() const { return running_.empty(); }

  private:
    struct Running {
        Job job;
        std::unique_ptr<Process> process;
        bool lost = false;
        bool stopped = false;                                // by us, since we stop
        Clock::time_point end_at = Clock::time_point::max(); // then without asking
    };

    static void ask_to_end(Running &running);
    void finish(Running &running);

    const Launch &launch_;
    Desk &desk_;
    std::list<Running> running_;
};

} // namespace ayb::work
