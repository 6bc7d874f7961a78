#include "hooks/kin.hpp"

#include "memory/databases.hpp"
#include "memory/my_slot.hpp"
#include "pg/subtransaction_log.hpp"

namespace ayb {

namespace {

constexpr int kMostLooks = kKinRing; // more have no room in the ring

struct Mark {
    SubTransactionId subid;
    Kin kin;
    core::Uuid id;
};

struct Look {
    SubTransactionId subid;
    KinLook look;
};

struct Notes {
    SubtransactionLog<Mark> marks;
    SubtransactionLog<Look> looks;
    uint32 generation; // of the marks, by the first one of them
    bool marked;
    bool stars;
    bool sweep; // not all looks could be noted
};

Notes g_notes;

// Read before the mark is set: what is set in a generation that ends meanwhile is set again.
Database *marking() {
    Database *database = find_database(MyDatabaseId);
    if (!g_notes.marked)
        g_notes.generation = kin_generation(database);
    g_notes.marked = true;
    return database;
}

// A worker lets go itself what it has made free, before its next job. Not what a job of its own has
// committed on its way.
bool looks_itself() { return my_slot() != nullptr && (in_group() || !in_job()); }

void mark_again(Database *database) {
    for (const Mark &mark : g_notes.marks)
        set_kin(database, mark.kin, mark.id);
    if (g_notes.stars)
        set_stars(database);
    ask_for_sweep(database);
    wake_scheduler(database);
}

void tell() {
    Database *database = find_database(MyDatabaseId);
    if (database == nullptr)
        return; // the next scheduler begins with a look at everything
    const uint32 generation = kin_generation(database);
    if (g_notes.marked && (generation == 0 || generation != g_notes.generation))
        mark_again(database);
    for (const Look &look : g_notes.looks)
        ask_for_look(database, look.look);
    if (g_notes.sweep)
        ask_for_sweep(database);
    if (g_notes.sweep || (g_notes.looks.count > 0 && !looks_itself()))
        wake_scheduler(database);
}

void on_transaction(XactEvent event, void * /*argument*/) {
    if (event != XACT_EVENT_COMMIT && event != XACT_EVENT_ABORT && event != XACT_EVENT_PREPARE)
        return;
    if (event == XACT_EVENT_COMMIT && preloaded() && (g_notes.marked || g_notes.looks.count > 0))
        tell();
    g_notes = Notes{};
}

void on_subtransaction(SubXactEvent event, SubTransactionId subid, SubTransactionId /*parent*/,
                       void * /*argument*/) {
    if (event == SUBXACT_EVENT_ABORT_SUB)
        g_notes.looks.forget_from(subid); // a mark too many does no harm
}

bool ended_badly(const Event &event) {
    return event.to == static_cast<int>(State::failed) ||
           event.to == static_cast<int>(State::canceled);
}

bool is_awaited(Database *database, const Event &event) {
    if (event.to == static_cast<int>(State::completed))
        return may_be_kin(database, Kin::watched, event.job);
    return ended_badly(event) &&
           (may_be_kin(database, Kin::parent, event.job) || may_be_in_star(database));
}

} // namespace

void mark_kin(Kin kin, const core::Uuid &id) {
    if (!preloaded())
        return;
    g_notes.marks.add({0, kin, id});
    set_kin(marking(), kin, id);
}

void mark_stars() {
    if (!preloaded())
        return;
    set_stars(marking());
    g_notes.stars = true;
}

void note_look(const KinLook &look) {
    if (g_notes.looks.count < kMostLooks)
        g_notes.looks.add({0, look});
    else
        g_notes.sweep = true;
}

void tell_ended(const Event *events, int count, int64 left_out) {
    Database *database = find_database(MyDatabaseId);
    if (database == nullptr ||
        (kin_generation(database) != 0 && pg_atomic_read_u32(&database->kin.used) == 0))
        return;
    const core::Uuid *mine = my_slot() != nullptr ? my_job() : nullptr;
    bool wakes = left_out > 0;
    for (const Event *event = events; event < events + count; event++) {
        if (!is_awaited(database, *event))
            continue;
        ask_for_look(database, {event->job, false});
        wakes = wakes || !(looks_itself() || (mine != nullptr && *mine == event->job));
    }
    if (left_out > 0)
        ask_for_sweep(database);
    if (wakes)
        wake_scheduler(database);
}

void tell_unknown_kin() {
    if (Database *database = find_database(MyDatabaseId))
        ask_for_sweep(database);
}

void install_kin_callbacks() {
    RegisterXactCallback(on_transaction, nullptr);
    RegisterSubXactCallback(on_subtransaction, nullptr);
}

} // namespace ayb
