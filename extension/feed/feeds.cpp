#include "feed/feeds.hpp"

#include "feed/store.hpp"

namespace ayb {

namespace {

constexpr int64 kLeaseMicroseconds = kFeedSeconds * INT64CONST(1000000);

int g_place = -1; // of this process among the listeners

bool is_live(Feed *feed, TimestampTz now) {
    return static_cast<TimestampTz>(pg_atomic_read_u64(&feed->until)) >= now;
}

int place_of(const FeedKey &key) {
    for (int i = 0; i < g_feeds->count; i++)
        if (g_feeds->feeds[i].key == key)
            return i;
    return -1;
}

// What the feed has is void, and what came before too.
void mark_resync(Feed *feed, Resync why) {
    empty_feed(feed);
    feed->lost = feed->newest = ++g_feeds->last;
    feed->why = why;
}

template <typename Which> void mark_all(Resync why, Which which) {
    const TimestampTz now = GetCurrentTimestamp();
    for (int i = 0; i < g_feeds->count; i++) {
        Feed &feed = g_feeds->feeds[i];
        if (feed.key.database == MyDatabaseId && is_live(&feed, now) && which(feed))
            mark_resync(&feed, why);
    }
}

Feed *live_feed(const FeedKey &key) {
    const int place = place_of(key);
    if (place < 0 || !is_live(&g_feeds->feeds[place], GetCurrentTimestamp()))
        return nullptr;
    return &g_feeds->feeds[place];
}

// A place that nobody has, or whose lease is over; -1 for none.
int free_place() {
    if (g_feeds->count < kMostFeeds)
        return g_feeds->count++;
    const TimestampTz now = GetCurrentTimestamp();
    for (int i = 0; i < kMostFeeds; i++)
        if (!is_live(&g_feeds->feeds[i], now))
            return i;
    return -1;
}

int make_feed(const FeedKey &key, const Definition &definition) {
    const int place = free_place();
    if (place < 0)
        return -1;
    Feed &feed = g_feeds->feeds[place];
    empty_feed(&feed);
    feed.key = key;
    feed.definition = definition;
    feed.lost = feed.newest = g_feeds->last;
    feed.why = Resync::lost;
    pg_atomic_fetch_add_u32(&g_feeds->made, 1);
    return place;
}

bool same(const Definition &one, const Definition &other) {
    return one.stamp == other.stamp && one.tree == other.tree;
}

void wake_listeners(Oid database) {
    for (const Listener &listener : g_feeds->listeners)
        if (listener.latch != nullptr && listener.database == database)
            SetLatch(listener.latch);
}

} // namespace

Size feeds_size() { return add_size(MAXALIGN(sizeof(Feeds)), store_size()); }

void init_feeds() {
    bool made;
    g_feeds = static_cast<Feeds *>(shared_part("ayb_jobs feeds", sizeof(Feeds), &made));
    init_store(made);
    if (!made)
        return;
    pg_atomic_init_u32(&g_feeds->made, 0);
    pg_atomic_init_u32(&g_feeds->touched, 0);
    for (Feed &feed : g_feeds->feeds)
        pg_atomic_init_u64(&feed.until, 0);
    g_feeds->last = static_cast<uint64>(GetCurrentTimestamp());
    if (!pg_strong_random(g_feeds->secret, sizeof(g_feeds->secret)))
        elog(FATAL, "no random numbers for the seal of positions");
}

uint32 feeds_made() { return pg_atomic_read_u32(&g_feeds->made); }

int find_feed(const FeedKey &key) {
    LWLockAcquire(lock_of(Locks::feeds), LW_SHARED);
    const int place = place_of(key);
    LWLockRelease(lock_of(Locks::feeds));
    return place;
}

bool feed_is_live(int feed, TimestampTz now) { return is_live(&g_feeds->feeds[feed], now); }

uint64 most_feed_bytes() { return static_cast<uint64>(g_feeds->block_count / 4 - 1) * kBlockData; }

void begin_publishing() { LWLockAcquire(lock_of(Locks::feeds), LW_EXCLUSIVE); }

void publish_event(const FeedKey &key, int place, FeedEvent event, const char *bytes) {
    Feed *feed = &g_feeds->feeds[place];
    if (!(feed->key == key))
        return; // its lease was over, and nobody listens
    feed->newest = event.seq = ++g_feeds->last;
    append_to_feed(feed, event.seq, reinterpret_cast<const char *>(&event), sizeof(event), true);
    append_to_feed(feed, event.seq, bytes, event.bytes(), false);
}

void publish_resync(const FeedKey &key, Resync why) {
    if (Feed *feed = live_feed(key))
        mark_resync(feed, why);
}

void publish_resync_of_all(Resync why) {
    mark_all(why, [](const Feed & /*feed*/) { return true; });
}

void publish_resync_of_asking() {
    mark_all(Resync::definition, [](const Feed &feed) { return feed.definition.asks; });
}

void end_publishing() {
    wake_listeners(MyDatabaseId);
    LWLockRelease(lock_of(Locks::feeds));
}

void touch_listeners() {
    pg_atomic_fetch_add_u32(&g_feeds->touched, 1);
    LWLockAcquire(lock_of(Locks::feeds), LW_SHARED);
    wake_listeners(MyDatabaseId);
    LWLockRelease(lock_of(Locks::feeds));
}

uint32 touches() { return pg_atomic_read_u32(&g_feeds->touched); }

int listen_to(const FeedKey &key, const Definition &definition) {
    LWLockAcquire(lock_of(Locks::feeds), LW_EXCLUSIVE);
    const TimestampTz now = GetCurrentTimestamp();
    int place = place_of(key);
    if (place < 0)
        place = make_feed(key, definition);
    if (place >= 0) {
        Feed &feed = g_feeds->feeds[place];
        // Nothing was captured while nobody had the lease, or not of this definition.
        if (pg_atomic_read_u64(&feed.until) != 0 && !is_live(&feed, now))
            mark_resync(&feed, Resync::lost);
        else if (!same(feed.definition, definition))
            mark_resync(&feed, Resync::definition);
        else if (feed.definition.files != definition.files)
            mark_resync(&feed, Resync::truncated);
        feed.definition = definition;
        pg_atomic_write_u64(&feed.until, static_cast<uint64>(now + kLeaseMicroseconds));
    }
    LWLockRelease(lock_of(Locks::feeds));
    return place;
}

uint64 last_event() {
    LWLockAcquire(lock_of(Locks::feeds), LW_SHARED);
    const uint64 last = g_feeds->last;
    LWLockRelease(lock_of(Locks::feeds));
    return last;
}

uint64 newest_of(int feed) {
    LWLockAcquire(lock_of(Locks::feeds), LW_SHARED);
    const uint64 newest = g_feeds->feeds[feed].newest;
    LWLockRelease(lock_of(Locks::feeds));
    return newest;
}

bool enter_listeners() {
    LWLockAcquire(lock_of(Locks::feeds), LW_EXCLUSIVE);
    for (int i = 0; i < kMostListeners && g_place < 0; i++)
        if (g_feeds->listeners[i].latch == nullptr)
            g_place = i;
    if (g_place >= 0)
        g_feeds->listeners[g_place] = {MyLatch, MyDatabaseId};
    LWLockRelease(lock_of(Locks::feeds));
    return g_place >= 0;
}

void leave_listeners() {
    if (g_place < 0)
        return;
    LWLockAcquire(lock_of(Locks::feeds), LW_EXCLUSIVE);
    g_feeds->listeners[g_place] = {nullptr, InvalidOid};
    LWLockRelease(lock_of(Locks::feeds));
    g_place = -1;
}

const uint8 *feeds_secret() { return g_feeds->secret; }

} // namespace ayb
