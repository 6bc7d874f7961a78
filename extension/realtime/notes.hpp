#pragma once
// What a transaction has done to enabled tables, published when it commits. What a rolled-back
// subtransaction did is forgotten with it.
#include "published/published.hpp"

namespace ayb {

inline constexpr int kMostNoted = 4096; // events of one transaction; more are a resync

// Of a table that nobody listens to: whoever begins to, before this commits, is told to look again.
void note_unheard(Oid table);
void note_unknown_table(); // it is not known which

// One row of a table that is listened to, as `event` and the bytes that belong to it say, which are
// copied. May run out of memory (ereport).
void note_row(Oid table, int feed, const FeedEvent &event, const char *bytes);

// A table is to be looked at again. May run out of memory (ereport).
void note_resync(Oid table, Resync why);

void install_realtime_callbacks();

// Sees statements that change what tables or roles are, and COMMIT PREPARED. With preloading alone.
void install_realtime_hook();

// Lets statements pass over the triggers of tables that nobody listens to. With preloading alone.
void install_quiet_hooks();

} // namespace ayb
