#include "feed/store.hpp"

#include "pg/settings.hpp"

namespace ayb {

namespace {

Block *g_blocks;

int wanted_blocks() {
    return static_cast<int>(static_cast<int64>(settings::realtime_buffer) * 1024 / kBlockBytes);
}

int blocks_of(Oid database) {
    int blocks = 0;
    for (int i = 0; i < g_feeds->count; i++)
        if (g_feeds->feeds[i].key.database == database)
            blocks += g_feeds->feeds[i].blocks;
    return blocks;
}

// The feed with the most blocks, of a database or of all, but for one.
Feed *largest_feed(Oid database, const Feed *but) {
    Feed *largest = nullptr;
    for (int i = 0; i < g_feeds->count; i++) {
        Feed &feed = g_feeds->feeds[i];
        if (&feed != but && (!OidIsValid(database) || feed.key.database == database) &&
            feed.blocks > (largest != nullptr ? largest->blocks : 0))
            largest = &feed;
    }
    return largest;
}

bool is_full() { return g_feeds->free == kNoBlock && g_feeds->fresh == g_feeds->block_count; }

// Makes room where the feed, its database or all have what they may have. No block of the event
// that is being written goes: an event is much smaller than a feed's share, and before that is used
// up others give.
void make_room(Feed *feed) {
    Feed *giver = nullptr;
    if (feed->blocks >= g_feeds->block_count / 4)
        giver = feed;
    else if (blocks_of(feed->key.database) >= g_feeds->block_count / 2)
        giver = largest_feed(feed->key.database, feed);
    else if (is_full())
        giver = largest_feed(InvalidOid, feed);
    if (giver != nullptr)
        give_up_block(giver);
}

int take_block() {
    if (g_feeds->free == kNoBlock)
        return g_feeds->fresh++;
    const int number = g_feeds->free;
    g_feeds->free = block_at(number).next;
    return number;
}

void add_block(Feed *feed) {
    make_room(feed);
    const int number = take_block();
    Block &block = block_at(number);
    block.next = kNoBlock;
    block.first = kBlockData;
    block.last = feed->blocks > 0 ? block_at(feed->tail).last : feed->newest;
    if (feed->blocks > 0)
        block_at(feed->tail).next = number;
    else
        feed->head = number;
    feed->tail = number;
    feed->used = 0;
    feed->blocks++;
}

} // namespace

Feeds *g_feeds;

Block &block_at(int number) { return g_blocks[number]; }

Size store_size() { return mul_size(wanted_blocks(), sizeof(Block)); }

// Not zeroed: of a store that nobody uses no page is ever touched.
void init_store(bool made) {
    bool found;
    g_blocks =
        static_cast<Block *>(ShmemInitStruct("ayb_jobs feeds' blocks", store_size(), &found));
    if (!made)
        return;
    g_feeds->block_count = wanted_blocks();
    g_feeds->free = kNoBlock;
    g_feeds->fresh = 0;
}

void give_up_block(Feed *feed) {
    Block &block = block_at(feed->head);
    feed->lost = Max(feed->lost, block.last);
    feed->why = Resync::overflow;
    const int next = block.next;
    block.next = g_feeds->free;
    g_feeds->free = feed->head;
    feed->head = next;
    feed->blocks--;
}

void empty_feed(Feed *feed) {
    while (feed->blocks > 0)
        give_up_block(feed);
}

void append_to_feed(Feed *feed, uint64 seq, const char *bytes, uint32 length, bool begins) {
    if (feed->blocks == 0 || feed->used == kBlockData)
        add_block(feed);
    if (begins) {
        Block &block = block_at(feed->tail);
        block.first = Min(block.first, feed->used);
        block.last = seq;
    }
    while (length > 0) {
        if (feed->used == kBlockData)
            add_block(feed);
        const uint32 part = Min(length, static_cast<uint32>(kBlockData - feed->used));
        memcpy(block_at(feed->tail).data + feed->used, bytes, part);
        feed->used += static_cast<int>(part);
        bytes += part;
        length -= part;
    }
}

} // namespace ayb
