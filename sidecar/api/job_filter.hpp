#pragma once
// Which jobs a list or a count is about.
#include "db/connection.hpp"
#include "http/query.hpp"

namespace ayb::api {

inline constexpr std::string_view kJobStates[] = {"queued", "running", "completed", "failed",
                                                  "canceled"};
// The state, but for a queued job: the first of them.
inline constexpr std::string_view kPhases[] = {"due",       "external", "waiting",
                                               "scheduled", "retrying", "running",
                                               "completed", "failed",   "canceled"};
inline constexpr int kPhasesOfQueued = 5;

// State and type are found by indexes. Time and text have to be looked for in rows: no more than
// kLongestLook of them at a time, the newest first; what asks says where it stopped.
class JobFilter {
  public:
    static constexpr int kLongestLook = 20000;

    // Reads type, since, until, phase and q; throws Failure. Conditions may be added after that.
    explicit JobFilter(const http::Query &query);

    // Without effect where the value is empty; `$?` in the condition stands for it.
    void require(const std::string &condition, const std::string &value);

    // "WITH …", or nothing: has to stand before a statement that uses the rest.
    std::string with() const;
    // SELECT of the jobs, whole rows of ayb_jobs.jobs, of one state or (nullptr) of every.
    std::string jobs(const char *state = nullptr) const;
    // An expression: the id of the last job that was looked at where more may follow, else NULL.
    std::string stopped_at(const char *state = nullptr) const;

    // Whether it asks for anything but states.
    bool any() const { return !parameters_.empty(); }
    const db::Parameters &parameters() const { return parameters_; }

  private:
    std::string fill(const std::string &condition, const std::string &value);
    void search(const std::string &text);
    void require_phase(const std::string &phase);
    std::string where(const char *state, const std::string &more = "") const;
    std::string candidates(const char *state) const;

    db::Parameters parameters_;
    std::vector<std::string> indexed_; // conditions on `j`
    std::vector<std::string> looked_;  // the same, to be looked at row by row
    std::string first_id_;             // expressions: between them lie the ids of the time
    std::string end_id_;
    std::string exact_; // one for the id that was searched for
};

} // namespace ayb::api
