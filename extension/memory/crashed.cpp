#include "memory/crashed.hpp"

#include "pg/clock.hpp"

#include <fcntl.h>
#include <sys/mman.h>
#include <sys/stat.h>
#include <unistd.h>

namespace ayb {

namespace {

constexpr const char *kFile = "ayb_jobs.running";
constexpr uint32 kMagic = 0x61796A31;
constexpr int64 kCoolDown = 60 * kMicrosecondsPerSecond;

struct Crashed {
    int count;
    TimestampTz suspected_until;
    RunningJob jobs[FLEXIBLE_ARRAY_MEMBER]; // slot_count() of them
};

Crashed *g_crashed;
RunningJob *g_running; // the file, slot_count() of them

RunningJob *map_file(Size size) {
    const int file = BasicOpenFile(kFile, O_RDWR | O_CREAT | PG_BINARY);
    if (file < 0)
        return nullptr;
    void *place = MAP_FAILED;
    if (ftruncate(file, static_cast<off_t>(size)) == 0)
        place = mmap(nullptr, size, PROT_READ | PROT_WRITE, MAP_SHARED, file, 0);
    const int failure = errno;
    close(file);
    errno = failure;
    return place == MAP_FAILED ? nullptr : static_cast<RunningJob *>(place);
}

// At the postmaster's end, in whatever way it was stopped: what still stands there is for the next
// start, and an empty file is nobody's, least of all if the library is not loaded any more.
void remove_empty_file(int /*code*/, Datum /*argument*/) {
    for (int i = 0; i < slot_count(); i++)
        if (g_running[i].magic == kMagic)
            return;
    unlink(kFile);
}

void open_file() {
    g_running = map_file(slot_count() * sizeof(RunningJob));
    if (g_running != nullptr)
        on_proc_exit(remove_empty_file, 0); // a child of the postmaster's doesn't inherit it
}

void take_crashed() {
    // A crash makes shared memory anew in the same postmaster, which has the file mapped already.
    if (g_running == nullptr)
        open_file();
    if (g_running == nullptr) {
        ereport(WARNING,
                (errcode_for_file_access(), errmsg("could not map file \"%s\": %m", kFile),
                 errdetail("A job that crashes the server will not be charged an attempt.")));
        return;
    }
    for (int i = 0; i < slot_count(); i++) {
        if (g_running[i].magic == kMagic)
            g_crashed->jobs[g_crashed->count++] = g_running[i];
        g_running[i].magic = 0;
    }
}

} // namespace

Size crashed_size() {
    return add_size(offsetof(Crashed, jobs), mul_size(slot_count(), sizeof(RunningJob)));
}

void init_crashed() {
    static bool again; // this postmaster has been here before
    bool made;
    g_crashed = static_cast<Crashed *>(shared_part("ayb_jobs crashed", crashed_size(), &made));
    if (!made)
        return;
    take_crashed();
    // Shared memory that is made a second time by the same postmaster, or jobs that were in a
    // handler when the last one ended: the server has crashed.
    if (again || g_crashed->count > 0)
        g_crashed->suspected_until = later(clock_now(), kCoolDown);
    again = true;
}

CrashedJobs crashed_jobs() { return {g_crashed->jobs, g_crashed->count}; }

TimestampTz crash_suspected_until() { return g_crashed->suspected_until; }

void note_running_job(int slot, Oid database, const core::Uuid &job, int attempt) {
    if (g_running == nullptr)
        return;
    RunningJob &entry = g_running[slot];
    entry.database = database;
    entry.job = job;
    entry.attempt = attempt;
    pg_write_barrier();
    entry.magic = kMagic;
}

void forget_running_job(int slot) {
    if (g_running != nullptr)
        g_running[slot].magic = 0;
}

} // namespace ayb
