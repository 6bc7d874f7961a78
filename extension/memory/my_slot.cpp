#include "memory/my_slot.hpp"

#include "memory/crashed.hpp"

namespace ayb {

namespace {

core::Uuid g_job_here;
bool g_at_job_here;

// Writes this worker's own slot.
template <typename Change> void change_mine(Change change) {
    const int index = my_slot()->index;
    change_slot(index, change);
}

} // namespace

void session_name(char (&name)[kWorkerIdBytes]) {
    snprintf(name, kWorkerIdBytes, "%llx.%x", static_cast<unsigned long long>(MyStartTime),
             static_cast<unsigned>(MyProcPid));
}

void begin_job(const core::Uuid &job, int run, const char *type, TimestampTz now) {
    change_mine([&](WorkerSlot &slot) {
        slot.has_job = true;
        slot.put_back = false;
        slot.job = job;
        slot.run = run;
        strlcpy(slot.type, type, kTypeBytes);
        slot.job_since = now;
        slot.percent = -1;
        slot.note[0] = '\0';
    });
    note_running_job(my_slot()->index, my_slot()->database, job, run);
    if (!my_slot()->in_group)
        write_running_job(my_slot()->index);
}

void end_job(bool interrupted) {
    change_mine([&](WorkerSlot &slot) {
        slot.has_job = false;
        slot.cancel_wanted = !interrupted && (slot.cancel_wanted || slot.put_back);
    });
    forget_running_job(my_slot()->index);
    write_running_job(my_slot()->index);
}

bool in_job() { return my_job() != nullptr; }

const core::Uuid *my_job() {
    if (g_at_job_here)
        return &g_job_here;
    return my_slot() != nullptr && my_slot()->has_job ? &my_slot()->job : nullptr;
}

void begin_job_here(const core::Uuid &job) {
    g_job_here = job;
    g_at_job_here = true;
}

void end_job_here() { g_at_job_here = false; }

void begin_turn() {
    const TimestampTz before = my_slot()->at_work_since;
    const TimestampTz since = before == 0 ? GetCurrentTimestamp() : before;
    change_mine([since](WorkerSlot &slot) {
        slot.in_turn = true;
        slot.turn++;
        slot.at_work_since = since;
    });
    pg_memory_barrier(); // whoever holds claims back after this look sees that it is at work
}

void end_turn() {
    change_mine([](WorkerSlot &slot) {
        slot.in_turn = false;
        slot.had_turn = true;
    });
}

void begin_group() {
    change_mine([](WorkerSlot &slot) { slot.in_group = true; });
    write_running_group(my_slot()->index, my_slot()->database);
}

void end_group_jobs() {
    change_mine([](WorkerSlot &slot) { slot.has_job = false; });
    forget_running_job(my_slot()->index);
}

void end_group() {
    change_mine([](WorkerSlot &slot) { slot.in_group = false; });
    write_running_job(my_slot()->index);
}

bool in_group() { return my_slot() != nullptr && my_slot()->in_group; }

void report_progress(int percent, const char *note) {
    if (g_at_job_here)
        return;
    change_mine([&](WorkerSlot &slot) {
        slot.percent = percent;
        strlcpy(slot.note, note, kNoteBytes);
    });
}

void note_awake() {
    const TimestampTz now = GetCurrentTimestamp();
    change_mine([&](WorkerSlot &slot) { slot.busy_since = now; });
    pg_atomic_exchange_u32(&my_slot()->idle, 0);
}

bool cancel_was_meant() {
    bool meant = false;
    change_mine([&](const WorkerSlot &slot) {
        meant = slot.cancel_wanted && slot.has_job && slot.cancel_job == slot.job;
    });
    return meant;
}

bool cancel_was_sent() {
    bool sent = false;
    change_mine([&](WorkerSlot &slot) {
        sent = slot.cancel_wanted;
        slot.cancel_wanted = false;
    });
    return sent;
}

} // namespace ayb
