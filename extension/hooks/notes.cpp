#include "hooks/notes.hpp"

namespace ayb {

namespace {

constexpr int kMostKeys = 4096;  // that are noted one by one
constexpr int kKeysLookedAt = 8; // for one that was noted already

} // namespace

// The last ones are looked through, so that a bulk insert of few keys leaves few notes; to be told
// twice does no harm.
bool KeyNotes::add(const RingKey &ring, const char *key, const Position &at) {
    const SubTransactionId subid = GetCurrentSubTransactionId();
    for (int i = log.count - 1; i >= Max(log.count - kKeysLookedAt, 0); i--) {
        KeyChange &noted = log.entries[i];
        if (noted.subid != subid || memcmp(&noted.ring, &ring, sizeof(ring)) != 0 ||
            strcmp(noted.key, key) != 0)
            continue;
        noted.first = at < noted.first ? at : noted.first;
        return true;
    }
    if (log.count == kMostKeys)
        return false;
    log.add({0, ring, MemoryContextStrdup(TopTransactionContext, key), at});
    return true;
}

void KeyNotes::tell() const {
    for (const KeyChange &change : log)
        lower_key(change.ring, change.key, change.first);
}

} // namespace ayb
