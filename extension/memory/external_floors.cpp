#include "memory/external_floors.hpp"

namespace ayb {

namespace {

constexpr int kMostNotes = 64;

HTAB *g_types;

// In the transaction's own memory.
struct Note {
    const char *type;
    Position first;
};

Note *g_notes;
int g_count;
bool g_many; // more types than are noted one by one

ExternalTypeKey key_of(Oid database, const char *type) {
    ExternalTypeKey key;
    memset(&key, 0, sizeof(key));
    key.database = database;
    strlcpy(key.type, type, kTypeBytes);
    return key;
}

ExternalType *find_type(const ExternalTypeKey &key) {
    return static_cast<ExternalType *>(hash_search(g_types, &key, HASH_FIND, nullptr));
}

void add_type(const ExternalTypeKey &key) {
    bool found = true;
    LWLockAcquire(lock_of(Locks::external_types), LW_EXCLUSIVE);
    auto *entry = static_cast<ExternalType *>(hash_search(g_types, &key, HASH_ENTER_NULL, &found));
    if (entry != nullptr && !found) {
        SpinLockInit(&entry->mutex);
        open_new_floor(&entry->floor);
    }
    LWLockRelease(lock_of(Locks::external_types));
}

// Calls `use` with the floor, if there is one, under both locks: it must be quick, and not throw.
template <typename Use> bool with_floor(Oid database, const char *type, Use use) {
    const ExternalTypeKey key = key_of(database, type);
    LWLockAcquire(lock_of(Locks::external_types), LW_SHARED);
    ExternalType *entry = find_type(key);
    if (entry != nullptr) {
        SpinLockAcquire(&entry->mutex);
        use(&entry->floor);
        SpinLockRelease(&entry->mutex);
    }
    LWLockRelease(lock_of(Locks::external_types));
    return entry != nullptr;
}

void lower(Oid database, const Note &note) {
    with_floor(database, note.type,
               [&](Floor<Position> *floor) { lower_floor(floor, note.first); });
}

} // namespace

Size external_floors_size() { return hash_estimate_size(kMaxExternalTypes, sizeof(ExternalType)); }

void init_external_floors() {
    g_types = shared_table("ayb_jobs external types", kMaxExternalTypes, sizeof(ExternalTypeKey),
                           sizeof(ExternalType));
}

ExternalMark mark_external_floor(Oid database, const char *type) {
    ExternalMark mark{kBegin, 0};
    if (!preloaded())
        return mark;
    const auto take = [&](Floor<Position> *floor) { mark = mark_floor(*floor); };
    if (!with_floor(database, type, take)) {
        add_type(key_of(database, type));
        with_floor(database, type, take);
    }
    return mark;
}

Position raise_external_floor(Oid database, const char *type, const ExternalMark &mark,
                              const Position &first) {
    Position from = mark.at;
    if (preloaded())
        with_floor(database, type, [&](Floor<Position> *floor) {
            raise_floor(floor, mark, first, kEnd);
            from = floor->at;
        });
    return from;
}

void forget_external_floors(Oid database) {
    HASH_SEQ_STATUS scan;
    LWLockAcquire(lock_of(Locks::external_types), LW_EXCLUSIVE);
    hash_seq_init(&scan, g_types);
    while (auto *entry = static_cast<ExternalType *>(hash_seq_search(&scan)))
        if (entry->key.database == database)
            hash_search(g_types, &entry->key, HASH_REMOVE, nullptr);
    LWLockRelease(lock_of(Locks::external_types));
}

void note_external(const char *type, const Position &at) {
    for (int i = g_count - 1; i >= 0; i--) {
        if (strcmp(g_notes[i].type, type) != 0)
            continue;
        if (at < g_notes[i].first)
            g_notes[i].first = at;
        return;
    }
    g_many = g_many || g_count == kMostNotes;
    if (g_many)
        return;
    if (g_notes == nullptr)
        g_notes = static_cast<Note *>(
            MemoryContextAlloc(TopTransactionContext, kMostNotes * sizeof(Note)));
    g_notes[g_count] = Note{MemoryContextStrdup(TopTransactionContext, type), at};
    g_count++;
}

Position own_external(const char *type) {
    if (g_many)
        return kBegin;
    for (int i = 0; i < g_count; i++)
        if (strcmp(g_notes[i].type, type) == 0)
            return g_notes[i].first;
    return kEnd;
}

void tell_external() {
    if (g_many) {
        forget_external_floors(MyDatabaseId);
        return;
    }
    for (int i = 0; i < g_count; i++)
        lower(MyDatabaseId, g_notes[i]);
}

void end_external_notes() {
    g_notes = nullptr;
    g_count = 0;
    g_many = false;
}

} // namespace ayb
