#pragma once
// What a transaction has noted of lanes, of keys and of limits, for the callback of its commit
// (changes.cpp).
#include "lanes/lanes.hpp"
#include "pg/subtransaction_log.hpp"

namespace ayb {

// The changes of one subtransaction to one lane, added up: a bulk insert stays one entry.
struct LaneChange {
    SubTransactionId subid;
    Oid role;
    const char *type;
    int priority;
    Position first;     // of what became claimable; kEnd where nothing did
    bool keys_unnoted;  // there were too many
    uint64 unserved_by; // as in Change
    bool wakes;         // a worker of ours may have to look
    int32 delta[kStates];

    LaneKey lane() const { return {{MyDatabaseId, role}, type, priority}; }
    int jobs() const { return Max(delta[static_cast<int>(State::queued)], 1); }
    bool same(const LaneChange &other) const {
        return role == other.role && priority == other.priority && strcmp(type, other.type) == 0;
    }
    void absorb(const LaneChange &child) {
        if (child.first < first)
            first = child.first;
        unserved_by = Min(unserved_by, child.unserved_by);
        keys_unnoted = keys_unnoted || child.keys_unnoted;
        for (int state = 0; state < kStates; state++)
            delta[state] += child.delta[state];
    }
};

// Jobs of a key became claimable.
struct KeyChange {
    SubTransactionId subid;
    RingKey ring;
    const char *key;
    Position first; // by priority and id
};

// A limit that was set.
struct LimitChange {
    SubTransactionId subid;
    LimitKey key;
};

// Of the keys not all may be noted: whoever is told then looks for them.
struct KeyNotes {
    SubtransactionLog<KeyChange> log;

    // A job of the key became claimable. False where there are too many.
    bool add(const RingKey &ring, const char *key, const Position &at);
    // At the commit. Never throws.
    void tell() const;
};

} // namespace ayb
