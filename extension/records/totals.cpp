#include "records/totals.hpp"

#include "memory/databases.hpp"

namespace ayb {

namespace {

HTAB *g_totals;

// Of all roles: the role is none.
TypeTotals *find(Oid database, const char *type, HASHACTION action, bool *found) {
    TypeKey key;
    memset(&key, 0, sizeof(key));
    key.database = database;
    key.hash = hash_of_type(type);
    auto *total = static_cast<TypeTotals *>(hash_search(g_totals, &key, action, found));
    if (total != nullptr && !*found && action == HASH_ENTER_NULL) {
        memset(static_cast<void *>(total), 0, sizeof(TypeTotals));
        total->key = key;
        strlcpy(total->type, type, kTypeBytes);
    }
    return total;
}

template <class Visit> void each_total(Visit visit) {
    HASH_SEQ_STATUS scan;
    hash_seq_init(&scan, g_totals);
    while (auto *total = static_cast<TypeTotals *>(hash_seq_search(&scan)))
        visit(total);
}

bool full() { return hash_get_num_entries(g_totals) >= kMaxTotals; }

int next_place(Oid database) {
    int last = 0;
    each_total([&](const TypeTotals *total) {
        if (total->key.database == database)
            last = Max(last, total->place);
    });
    return last + 1;
}

} // namespace

int most_totals() { return kMaxTotals + slot_count(); }

Size totals_size() { return hash_estimate_size(most_totals(), sizeof(TypeTotals)); }

void init_totals() {
    g_totals = shared_table("ayb_jobs totals", most_totals(), sizeof(TypeKey), sizeof(TypeTotals));
}

void make_room_for_totals() {
    if (!full())
        return;
    each_total([](const TypeTotals *total) {
        if (find_database(total->key.database) == nullptr)
            hash_search(g_totals, &total->key, HASH_REMOVE, nullptr);
    });
}

TypeTotals *total_of(Oid database, const char *type) {
    bool found;
    TypeTotals *total = find(database, type, HASH_FIND, &found);
    if (total != nullptr)
        return total;
    if (type[0] == '\0' || full())
        return find(database, "", HASH_ENTER_NULL, &found);
    const int place = next_place(database);
    total = find(database, type, HASH_ENTER_NULL, &found);
    if (total != nullptr)
        total->place = place;
    return total;
}

int copy_totals(Oid database, TypeTotals *out) {
    int count = 0;
    each_total([&](TypeTotals *total) {
        if (total->key.database != database)
            return;
        total->copied = count;
        out[count++] = *total;
    });
    return count;
}

} // namespace ayb
