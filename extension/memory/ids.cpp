#include "memory/ids.hpp"

namespace ayb {

namespace {

core::Uuid7Sequence *g_shared;
core::Uuid7Sequence g_own;

} // namespace

Size ids_size() { return sizeof(core::Uuid7Sequence); }

void init_ids() {
    bool made;
    g_shared = static_cast<core::Uuid7Sequence *>(shared_part("ayb_jobs ids", ids_size(), &made));
}

core::Uuid7Sequence &id_sequence() { return preloaded() ? *g_shared : g_own; }

} // namespace ayb
