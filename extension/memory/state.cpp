#include "memory/state.hpp"

namespace ayb {

const char *state_name(State state) {
    static const char *const names[kStates] = {"queued", "running", "completed", "failed",
                                               "canceled"};
    return names[static_cast<int>(state)];
}

} // namespace ayb
