#include "pg/crashed.hpp"

#include <fcntl.h>
#include <sys/mman.h>
#include <sys/stat.h>
#include <unistd.h>

namespace ayb {

namespace {

constexpr const char *kFile = "ayb_jobs.running";
constexpr uint32 kMagic = 0x61796A31;

RunningJob *g_running;

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

} // namespace

int open_running_jobs(RunningJob *crashed, int slots) {
    // A crash makes shared memory anew in the same postmaster, which has the file mapped already.
    if (g_running == nullptr)
        g_running = map_file(slots * sizeof(RunningJob));
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
