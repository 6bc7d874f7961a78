#include "hooks/notes.hpp"

namespace ayb {

namespace {

constexpr int kMostKeys = 4096; // that are noted one by one

// Where a key was noted last, by its hash: a hint, which may be another one's, or old. So a bulk
// insert leaves a note for each of its keys, nearly always; to be told twice does no harm, nor does
// a note that a subtransaction has made for less than it and is kept when that is rolled back.
uint16 g_noted[kMostKeys];

} // namespace

bool KeyNotes::add(const RingKey &ring, const char *key, const Position &at) {
    uint16 &noted_at = g_noted[(hash_of_type(key) ^ ring.type) % kMostKeys];
    if (noted_at < log.count) {
        KeyChange &noted = log.entries[noted_at];
        if (memcmp(&noted.ring, &ring, sizeof(ring)) == 0 && strcmp(noted.key, key) == 0) {
            noted.first = at < noted.first ? at : noted.first;
            return true;
        }
    }
    if (log.count == kMostKeys)
        return false;
    noted_at = static_cast<uint16>(log.count);
    log.add({0, ring, MemoryContextStrdup(TopTransactionContext, key), at});
    return true;
}

void KeyNotes::tell() const {
    for (const KeyChange &change : log)
        lower_key(change.ring, change.key, change.first);
}

} // namespace ayb
