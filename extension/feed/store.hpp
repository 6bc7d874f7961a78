#pragma once
// The blocks that feeds are made of, all in one store of a fixed size. Under Locks::feeds.
#include "feed/event.hpp"

namespace ayb {

inline constexpr int kBlockBytes = 8192;
inline constexpr int kNoBlock = -1;

struct Block {
    int next;
    int first;   // where the first event that begins in it stands; kBlockData for none
    uint64 last; // the number of the last event that begins in it, or before it
    char data[kBlockBytes - 16];
};
static_assert(sizeof(Block) == kBlockBytes);
inline constexpr int kBlockData = static_cast<int>(sizeof(Block::data));

struct Feed {
    FeedKey key;
    pg_atomic_uint64 until; // the end of its lease
    Definition definition;
    uint64 newest;
    uint64 lost; // positions before it can't be continued
    Resync why;
    int head;
    int tail;
    int used; // of the tail
    int blocks;
};

struct Listener {
    Latch *latch; // null: free
    Oid database;
};

struct Feeds {
    pg_atomic_uint32 made;
    pg_atomic_uint32 touched;
    uint64 last;
    int free;  // blocks that were given up
    int fresh; // the first that was never used
    int block_count;
    int count; // places that were ever taken
    uint8 secret[32];
    Listener listeners[kMostListeners];
    Feed feeds[kMostFeeds];
};

extern Feeds *g_feeds;

Size store_size();
void init_store(bool made);

Block &block_at(int number);

// Gives up the oldest block of a feed, or all.
void give_up_block(Feed *feed);
void empty_feed(Feed *feed);

// Appends bytes that belong to event `seq`; `begins` where they are its first.
void append_to_feed(Feed *feed, uint64 seq, const char *bytes, uint32 length, bool begins);

} // namespace ayb
