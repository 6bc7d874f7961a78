#include "work/leaving.hpp"

namespace ayb::work {

void Leaving::begin() {
    constexpr std::chrono::seconds kAskedFor{5};
    end_at_ = Clock::now() + kAskedFor;
}

void Leaving::ask(Process &process) {
    if (asked())
        return;
    process.ask_to_end();
    begin();
}

void Leaving::end_input(Process &process) {
    if (asked())
        return;
    process.end_input();
    begin();
}

void Leaving::go_on(Process &process) const {
    if (Clock::now() >= end_at_)
        process.end();
}

} // namespace ayb::work
