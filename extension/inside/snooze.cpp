// snooze() in a handler.
#include "inside/snooze.hpp"

#include "base/arguments.hpp"
#include "pg/clock.hpp"
#include "pg/subtransaction_log.hpp"

namespace ayb {

namespace {

struct Said {
    SubTransactionId subid;
    Snooze snooze;

    bool same(const Said & /*other*/) const { return true; } // one a subtransaction
    void absorb(const Said &child) { snooze = child.snooze; }
};

SubtransactionLog<Said> g_said; // in the transaction at hand
std::optional<Snooze> g_kept;   // in one that has committed, as a procedure's does
MemoryContext g_memory;         // of payloads; null until one is said
bool g_listening;               // nobody else pays for the callbacks

void on_transaction(XactEvent event, void * /*argument*/) {
    const bool commits = event == XACT_EVENT_COMMIT;
    if (!commits && event != XACT_EVENT_ABORT && event != XACT_EVENT_PREPARE)
        return;
    if (commits && g_said.count > 0)
        g_kept = g_said.entries[g_said.count - 1].snooze;
    g_said = {};
}

void on_subtransaction(SubXactEvent event, SubTransactionId subid, SubTransactionId parent,
                       void * /*argument*/) {
    if (event == SUBXACT_EVENT_COMMIT_SUB)
        g_said.merge_into_parent(subid, parent);
    else if (event == SUBXACT_EVENT_ABORT_SUB)
        g_said.forget_from(subid);
}

void listen() {
    if (g_listening)
        return;
    RegisterXactCallback(on_transaction, nullptr);
    RegisterSubXactCallback(on_subtransaction, nullptr);
    g_listening = true;
}

MemoryContext memory() {
    if (g_memory == nullptr)
        g_memory = AllocSetContextCreate(TopMemoryContext, "ayb_jobs snooze", ALLOCSET_SMALL_SIZES);
    return g_memory;
}

void copy_payload(Snooze *snooze, MemoryContext context) {
    if (snooze->payload == 0)
        return;
    MemoryContext before = MemoryContextSwitchTo(context);
    snooze->payload = PointerGetDatum(PG_DETOAST_DATUM_COPY(snooze->payload));
    MemoryContextSwitchTo(before);
}

} // namespace

void forget_snooze() {
    g_said.count = 0;
    g_kept = std::nullopt;
    if (g_memory != nullptr)
        MemoryContextReset(g_memory);
}

std::optional<Snooze> said_snooze() {
    if (g_said.count > 0)
        return g_said.entries[g_said.count - 1].snooze;
    return g_kept;
}

std::optional<Snooze> copied_snooze(MemoryContext context, Size *bytes) {
    std::optional<Snooze> snooze = said_snooze();
    if (!snooze)
        return snooze;
    copy_payload(&*snooze, context);
    if (snooze->payload != 0)
        *bytes += VARSIZE(DatumGetPointer(snooze->payload));
    return snooze;
}

} // namespace ayb

using namespace ayb;

// snooze(delay, payload) → void
AYB_SQL_FUNCTION(ayb_jobs_snooze) {
    job_of_handler("snooze()", "A worker outside passes the job: ayb_jobs.snooze(id, worker_id, "
                               "attempt); ayb_jobs.reschedule(id) puts off a job that waits.");
    Snooze snooze = snooze_arguments(fcinfo, 0, 1, clock_now());
    copy_payload(&snooze, memory());
    listen();
    g_said.find_or_add({})->snooze = snooze;
    PG_RETURN_VOID();
}
