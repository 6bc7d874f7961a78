#pragma once
// Positions as listeners are given them: sealed, so that nobody counts other people's changes, and
// bound to who asks and for what. The key is made when the server starts: positions of before can't
// be read, as what they led to is gone.
#include "pg/postgres.hpp"

namespace ayb {

struct Mark {
    uint64 seq;    // of the last event that was looked at
    uint64 rights; // what the role could see by its memberships
};

// What a position is bound to.
struct Binding {
    Oid role;
    Jsonb *settings;   // may be null
    const Oid *tables; // in order
    int table_count;
};

// Text, palloc'd.
const char *seal(const Mark &mark, const Binding &binding);

// False where it is broken, somebody else's, or of before a restart.
bool unseal(const char *text, const Binding &binding, Mark *mark);

} // namespace ayb
