#pragma once
// What of a table's events a subscriber is told.
//
// A record is never what a change wrote: it is read now, by its key, as the subscriber. So it is
// always what a SELECT by the subscriber shows (docs/decisions/032-read-at-delivery.md). Only a row
// that is gone, or out of sight, has to be judged by what was captured of it: its key is told where
// the policies let the old row be seen.
#include "realtime/listened.hpp"
#include "realtime/subscriber.hpp"

namespace ayb {

enum class Told : int { created, updated, deleted, resync };

struct Telling {
    Told what;
    int table; // which of the call's
    Datum record;
    const char *reason; // of a resync
    uint64 seq;
    TimestampTz at;
};

struct Look {
    const Subscriber *subscriber;
    Listened *tables;
    const FeedItem *items;
    int item_count;
    Telling *tellings; // room for two for each item
    int count;
    MemoryContext memory; // of what is told
};

// Fills in `tellings`, in the order of the items.
void look_at_items(Look *look);

} // namespace ayb
