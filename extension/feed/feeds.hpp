#pragma once
// The changes of tables that somebody listens to, in shared memory, in the order of their commits.
//
// A table has a feed while somebody listens: a queue of events in blocks out of one store for all.
// A feed that has had its share gives up its own oldest block, never another table's; where the
// store is used up the feed with the most blocks does. What is given up, or couldn't be told in the
// first place, is a resync: positions before it can't be continued for that table.
//
// A feed lives as long as its lease, which listeners extend. It is a place in an array, taken by
// another table only when its lease is over; `feeds_made()` grows with each that is.
//
// Guarded by Locks::feeds, but for what is atomic. Nothing here allocates or raises, so a commit
// callback may call all of it.
#include "feed/event.hpp"

namespace ayb {

Size feeds_size();
void init_feeds();

// Grows with each feed that is made: what was found before is to be looked up again. A load.
uint32 feeds_made();

// The place of a table's feed, -1 where it has none.
int find_feed(const FeedKey &key);

// Whether it is listened to at `now`: a load.
bool feed_is_live(int feed, TimestampTz now);

// How many bytes one transaction may have for a table; more is a resync.
uint64 most_feed_bytes();

// From a commit callback. In between nobody else reads or writes a feed; what is for a table that
// has no live feed is passed over. Who waits in this database is woken by the end.
void begin_publishing();
void publish_event(const FeedKey &key, int feed, FeedEvent event, const char *bytes);
void publish_resync(const FeedKey &key, Resync why);
void publish_resync_of_all(Resync why); // of this database
void publish_resync_of_asking();        // of those in it whose policies ask somebody
void end_publishing();

// Has all who wait in this database look at definitions and memberships again. Never throws.
void touch_listeners();
uint32 touches(); // how often: a load

// Extends the lease of a table's feed, or makes one, and gives its place; -1 where all are taken.
// Another definition than the last listener's is a resync.
int listen_to(const FeedKey &key, const Definition &definition);

// The number of the last event of all; positions are such numbers.
uint64 last_event();

// The last number that a feed had.
uint64 newest_of(int feed);

// What comes out of feeds, in order. `event` and `bytes` are valid until the next call.
struct FeedItem {
    int feed; // which of the reader's
    bool resync;
    Resync why;
    FeedEvent event; // of a resync only the number
    const char *bytes;
};

// Copies what the feeds have after `since` into `buffer`, oldest first, and returns how many items.
// Stops at `most`, or where the buffer is full; *until is then the number of the last one, else of
// the last event of all.
int read_feeds(const int *feeds, int feed_count, uint64 since, FeedItem *items, int most,
               char *buffer, Size room, uint64 *until);

// For this process to be woken, by its latch, when anything is published in this database. False
// where there is no place left. leave_listeners() may be called without.
bool enter_listeners();
void leave_listeners();

// 32 random bytes, made when the server started: what was sealed before can't be read any more.
const uint8 *feeds_secret();

} // namespace ayb
