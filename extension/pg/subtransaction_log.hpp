#pragma once
// What a transaction has noted, each entry under the subtransaction that noted it: what is rolled
// back is forgotten with it, what ends well becomes the parent's.
//
// An Entry has a member `subid`; one that is kept but once for a subtransaction has
// `bool same(const Entry &) const` and `void absorb(const Entry &)` besides. Entries stand in the
// order of their subtransactions, whose ids only grow: whatever was noted since one began bears its
// id or a later one. They live in TopTransactionContext; all zero is an empty log. Adding may run
// out of memory (ereport), all else raises nothing.
#include "pg/postgres.hpp"

namespace ayb {

template <typename Entry> struct SubtransactionLog {
    Entry *entries;
    int count;
    int room;

    // Valid until the next one is added.
    Entry *add(const Entry &entry) {
        if (entries == nullptr)
            allocate(8);
        else if (count == room)
            allocate(2 * room);
        entries[count] = entry;
        entries[count].subid = GetCurrentSubTransactionId();
        return &entries[count++];
    }

    // The current subtransaction's entry that is the same as `entry`; null where there is none.
    Entry *find(const Entry &entry) { return find(GetCurrentSubTransactionId(), entry); }

    // The same, and adds it where there is none.
    Entry *find_or_add(const Entry &entry) {
        Entry *found = find(entry);
        return found != nullptr ? found : add(entry);
    }

    void forget_from(SubTransactionId subid) { count = first_of(subid); }

    // A loop of subtransactions leaves one set of entries, however long it is.
    void merge_into_parent(SubTransactionId subid, SubTransactionId parent) {
        const int end = count;
        count = first_of(subid);
        for (int i = count; i < end; i++) {
            const Entry child = entries[i];
            if (Entry *own = find(parent, child)) {
                own->absorb(child);
            } else {
                entries[count] = child;
                entries[count++].subid = parent;
            }
        }
    }

    const Entry *begin() const { return entries; }
    const Entry *end() const { return entries + count; }
    Entry *begin() { return entries; }
    Entry *end() { return entries + count; }

  private:
    void allocate(int wanted) {
        const Size bytes = wanted * sizeof(Entry);
        entries = static_cast<Entry *>(entries == nullptr
                                           ? MemoryContextAllocHuge(TopTransactionContext, bytes)
                                           : repalloc_huge(entries, bytes));
        room = wanted;
    }

    int first_of(SubTransactionId subid) const {
        int first = count;
        while (first > 0 && entries[first - 1].subid >= subid)
            first--;
        return first;
    }

    Entry *find(SubTransactionId subid, const Entry &entry) {
        for (int i = count - 1; i >= 0 && entries[i].subid == subid; i--)
            if (entries[i].same(entry))
                return &entries[i];
        return nullptr;
    }
};

} // namespace ayb
