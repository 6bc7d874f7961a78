#include "records/sources.hpp"

#include "pg/subtransaction_log.hpp"

namespace ayb {

namespace {

// What is known of all of them.
struct Knowledge {
    uint64 epoch; // another one whenever counts are lost
    int lost;     // pending ones that there was no room for
};

Knowledge *g_known;
HTAB *g_sources;

// What one subtransaction did to one relation.
struct NotedSource {
    SubTransactionId subid;
    Oid relation; // InvalidOid: not known which
    uint64 times;
    bool pending; // entered as such
    bool lost;    // there was no room to enter it

    bool same(const NotedSource &other) const { return relation == other.relation; }
    void absorb(const NotedSource &child) { times += child.times; }
};

SubtransactionLog<NotedSource> g_noted;

// Makes room: what nobody is committing goes, and with it all that was known.
void forget_all() {
    HASH_SEQ_STATUS scan;
    hash_seq_init(&scan, g_sources);
    while (auto *source = static_cast<Source *>(hash_seq_search(&scan)))
        if (source->pending == 0)
            hash_search(g_sources, &source->key, HASH_REMOVE, nullptr);
    g_known->epoch++;
}

// The entry, made where there is none; null where there is no room. Under the exclusive lock.
Source *enter_source(Oid relation) {
    const SourceKey key{MyDatabaseId, relation};
    bool found;
    auto *source = static_cast<Source *>(hash_search(g_sources, &key, HASH_ENTER_NULL, &found));
    if (source == nullptr) {
        forget_all();
        source = static_cast<Source *>(hash_search(g_sources, &key, HASH_ENTER_NULL, &found));
    }
    if (source != nullptr && !found) {
        source->changes = 0;
        source->pending = 0;
    }
    return source;
}

void announce() {
    LWLockAcquire(lock_of(Locks::sources), LW_EXCLUSIVE);
    for (NotedSource &noted : g_noted) {
        Source *source = enter_source(noted.relation);
        noted.pending = source != nullptr;
        noted.lost = source == nullptr;
        if (noted.pending)
            source->pending++;
        else
            g_known->lost++;
    }
    LWLockRelease(lock_of(Locks::sources));
}

// A transaction of this process is over: what it noted is counted, unless it was rolled back.
void settle(const NotedSource &noted, bool changed) {
    if (noted.lost) {
        g_known->lost--;
        if (changed)
            g_known->epoch++;
        return;
    }
    Source *source = noted.pending || changed ? enter_source(noted.relation) : nullptr;
    if (source != nullptr && noted.pending)
        source->pending--;
    if (source != nullptr && changed)
        source->changes += noted.times;
    if (source == nullptr && changed)
        g_known->epoch++;
}

void settle_all(bool changed) {
    LWLockAcquire(lock_of(Locks::sources), LW_EXCLUSIVE);
    for (const NotedSource &noted : g_noted)
        settle(noted, changed);
    LWLockRelease(lock_of(Locks::sources));
}

bool is_stranger() {
    return MyBgworkerEntry != nullptr &&
           strcmp(MyBgworkerEntry->bgw_library_name, "ayb_jobs") != 0 &&
           TransactionIdIsValid(GetTopTransactionIdIfAny());
}

void on_transaction(XactEvent event, void * /*argument*/) {
    switch (event) {
    case XACT_EVENT_PRE_COMMIT:
    case XACT_EVENT_PRE_PREPARE:
        if (preloaded() && is_stranger())
            note_source(InvalidOid);
        if (g_noted.count > 0)
            announce();
        break;
    case XACT_EVENT_COMMIT:
    case XACT_EVENT_PREPARE: // from here on it is in pg_prepared_xacts, until it is visible
    case XACT_EVENT_ABORT:
        if (g_noted.count > 0)
            settle_all(event != XACT_EVENT_ABORT);
        g_noted = {};
        break;
    default:
        break; // a parallel worker changes nothing
    }
}

void on_subtransaction(SubXactEvent event, SubTransactionId subid, SubTransactionId parent,
                       void * /*argument*/) {
    if (event == SUBXACT_EVENT_COMMIT_SUB)
        g_noted.merge_into_parent(subid, parent);
    if (event == SUBXACT_EVENT_ABORT_SUB)
        g_noted.forget_from(subid);
}

uint64 times_here(Oid relation) {
    uint64 times = 0;
    for (const NotedSource &noted : g_noted)
        if (noted.relation == relation)
            times += noted.times;
    return times;
}

bool read_count(Oid relation, SourceCount *count) {
    if (!preloaded())
        return false;
    LWLockAcquire(lock_of(Locks::sources), LW_EXCLUSIVE);
    const Source *source = g_known->lost > 0 ? nullptr : enter_source(relation);
    if (source != nullptr)
        *count = SourceCount{source->changes + times_here(relation), source->pending > 0};
    LWLockRelease(lock_of(Locks::sources));
    return source != nullptr;
}

} // namespace

Size sources_size() {
    return add_size(MAXALIGN(sizeof(Knowledge)), hash_estimate_size(kMaxSources, sizeof(Source)));
}

void init_sources() {
    bool made;
    g_known =
        static_cast<Knowledge *>(shared_part("ayb_jobs known sources", sizeof(Knowledge), &made));
    if (made && !pg_strong_random(&g_known->epoch, sizeof(g_known->epoch)))
        g_known->epoch = static_cast<uint64>(GetCurrentTimestamp());
    g_sources = shared_table("ayb_jobs sources", kMaxSources, sizeof(SourceKey), sizeof(Source));
}

void note_source(Oid relation) {
    if (!preloaded())
        return;
    NotedSource noted{};
    noted.relation = relation;
    g_noted.find_or_add(noted)->times++;
}

bool read_source(Oid relation, SourceCount *count) { return read_count(relation, count); }

bool read_strangers(SourceCount *count) { return read_count(InvalidOid, count); }

uint64 sources_epoch() {
    if (!preloaded())
        return 0;
    LWLockAcquire(lock_of(Locks::sources), LW_SHARED);
    const uint64 epoch = g_known->epoch;
    LWLockRelease(lock_of(Locks::sources));
    return epoch;
}

void install_source_callbacks() {
    RegisterXactCallback(on_transaction, nullptr);
    RegisterSubXactCallback(on_subtransaction, nullptr);
}

} // namespace ayb
