#pragma once
// The words of a job's row.
#include "core/words.hpp"

namespace ayb::core {

// In the order in which counts of them are kept. A completed job is in the history.
enum class State : int { queued, running, completed, failed, canceled };
inline constexpr int kStates = 5;

// What a queued job waits for: nothing but a worker; other jobs, its time (where it has a key), or
// to be trusted. Of a running one: who holds it.
enum class WaitsFor { worker, external, jobs, time, trust };

template <> struct Words<State> {
    static constexpr const char *kWords[] = {"queued", "running", "completed", "failed",
                                             "canceled"};
};
template <> struct Words<WaitsFor> {
    static constexpr const char *kWords[] = {nullptr, "external", "jobs", "time", "trust"};
};

} // namespace ayb::core
