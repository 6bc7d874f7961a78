#include "memory/crashed.hpp"

#include <fcntl.h>
#include <sys/mman.h>
#include <sys/stat.h>
#include <unistd.h>

namespace ayb {

namespace {

constexpr const char *kFile = "ayb_jobs.running";
constexpr uint32 kMagic = 0x61796A31;

RunningJob *g_running;
int g_slots;

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
    for (int i = 0; i < g_slots; i++)
        if (g_running[i].magic == kMagic)
            return;
    unlink(kFile);
}

void open_file(int slots) {
    g_running = map_file(slots * sizeof(RunningJob));
    g_slots = slots;
    if (g_running != nullptr)
        on_proc_exit(remove_empty_file, 0); // a child of the postmaster's doesn't inherit it
}

} // namespace

int open_running_jobs(RunningJob *crashed, int slots) {
    // A crash makes shared memory anew in the same postmaster, which has the file mapped already.
    if (g_running == nullptr)
        open_file(slots);
    if (g_running == nullptr) {
        ereport(WARNING,
                (errcode_for_file_access(), errmsg("could not map file \"%s\": %m", kFile),
                 errdetail("A job that crashes the server will not be charged an attempt.")));
        return 0;
    }

    int count = 0;
    for (int i = 0; i < slots; i++) {
        if (g_running[i].magic == kMagic)
            crashed[count++] = g_running[i];
        g_running[i].magic = 0;
    }
    return count;
}

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
