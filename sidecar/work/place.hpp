#pragma once
// Where jobs are run by programs.
#include "work/desk.hpp"
#include "work/process.hpp"

namespace ayb::work {

class Place {
  public:
    using Clock = std::chrono::steady_clock;

    Place() = default;
    virtual ~Place() = default;
    Place(const Place &) = delete;
    Place &operator=(const Place &) = delete;

    // Throws std::system_error where no program could be started; the job is the caller's then.
    virtual void start(Job &&job) = 0;
    // The job is somebody else's, or nobody's any more: its program is to end, and says nothing.
    virtual void lose(const Desk::Lost &lost) = 0;
    // No job follows.
    virtual void close() = 0;
    // All programs are to end; what they were at is tried again, at once.
    virtual void end_all() = 0;

    virtual void watch(std::vector<pollfd> &looks) const = 0;
    virtual void go_on() = 0;
    virtual bool empty() const = 0; // no program is left
};

// A program a job.
std::unique_ptr<Place> one_a_job(const Launch &launch, Desk &desk);

// Programs that stay: a line of JSON in and one out for each job.
std::unique_ptr<Place> by_lines(const Launch &launch, Desk &desk, const Note &note);

} // namespace ayb::work
