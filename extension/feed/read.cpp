// Several feeds read as one.
#include "feed/feeds.hpp"
#include "feed/store.hpp"

namespace ayb {

namespace {

constexpr int kMostRead = 128; // feeds at once

// Where a reader stands in one feed, at the beginning of an event.
struct Cursor {
    const Feed *feed;
    int block;
    int at;
    uint64 since;
};

// Copies bytes of a feed, which go on in its next block.
void take_bytes(Cursor *cursor, char *into, uint32 length) {
    while (length > 0) {
        if (cursor->at == kBlockData) {
            cursor->block = block_at(cursor->block).next;
            cursor->at = 0;
        }
        const uint32 part = Min(length, static_cast<uint32>(kBlockData - cursor->at));
        if (into != nullptr) {
            memcpy(into, block_at(cursor->block).data + cursor->at, part);
            into += part;
        }
        cursor->at += static_cast<int>(part);
        length -= part;
    }
}

// Whether there is another event; `event` is it, and the cursor stays before it.
bool peek(const Cursor &cursor, FeedEvent *event) {
    if (cursor.block == kNoBlock)
        return false;
    Cursor ahead = cursor;
    const Block &block = block_at(cursor.block);
    if (block.next == kNoBlock && cursor.at == cursor.feed->used)
        return false;
    take_bytes(&ahead, reinterpret_cast<char *>(event), sizeof(*event));
    return true;
}

// Before the first event after `since`.
Cursor cursor_after(const Feed *feed, uint64 since) {
    Cursor cursor{feed, feed->blocks > 0 ? feed->head : kNoBlock, 0, since};
    while (cursor.block != kNoBlock) {
        const Block &block = block_at(cursor.block);
        if (block.first != kBlockData && block.last > since)
            break;
        cursor.block = block.next;
    }
    if (cursor.block == kNoBlock)
        return cursor;
    cursor.at = block_at(cursor.block).first;
    FeedEvent event;
    while (peek(cursor, &event) && event.seq <= since)
        take_bytes(&cursor, nullptr, sizeof(event) + event.bytes());
    return cursor;
}

// The number of what comes next of a feed; 0 for nothing.
uint64 next_number(const Cursor &cursor, FeedEvent *event) {
    if (cursor.since < cursor.feed->lost)
        return cursor.feed->lost;
    return peek(cursor, event) ? event->seq : 0;
}

// Which feed has the oldest; -1 where none has any.
int oldest_of(const Cursor *cursors, int count) {
    int oldest = -1;
    uint64 number = 0;
    FeedEvent event;
    for (int i = 0; i < count; i++) {
        const uint64 next = next_number(cursors[i], &event);
        if (next != 0 && (oldest < 0 || next < number)) {
            oldest = i;
            number = next;
        }
    }
    return oldest;
}

// False where the buffer has no room for it.
bool take_item(Cursor *cursor, FeedItem *item, char **buffer, Size *room) {
    FeedEvent event{};
    const uint64 number = next_number(*cursor, &event);
    item->resync = cursor->since < cursor->feed->lost;
    item->why = cursor->feed->why;
    if (!item->resync) {
        if (event.bytes() > *room)
            return false;
        take_bytes(cursor, reinterpret_cast<char *>(&item->event), sizeof(event));
        take_bytes(cursor, *buffer, event.bytes());
        item->bytes = *buffer;
        const Size used = Min(MAXALIGN(event.bytes()), *room);
        *buffer += used;
        *room -= used;
    }
    item->event.seq = number;
    cursor->since = number;
    return true;
}

} // namespace

int read_feeds(const int *feeds, int feed_count, uint64 since, FeedItem *items, int most,
               char *buffer, Size room, uint64 *until) {
    Assert(feed_count <= kMostRead);
    Cursor cursors[kMostRead];
    int count = 0;
    LWLockAcquire(lock_of(Locks::feeds), LW_SHARED);
    for (int i = 0; i < feed_count; i++) {
        const Feed *feed = &g_feeds->feeds[feeds[i]];
        cursors[i] = cursor_after(feed, Max(since, feed->lost));
        cursors[i].since = since;
    }
    *until = g_feeds->last;
    int next;
    while ((next = oldest_of(cursors, feed_count)) >= 0) {
        if (count == most || !take_item(&cursors[next], &items[count], &buffer, &room)) {
            *until = count > 0 ? items[count - 1].event.seq : since;
            break;
        }
        items[count++].feed = next;
    }
    LWLockRelease(lock_of(Locks::feeds));
    return count;
}

} // namespace ayb
