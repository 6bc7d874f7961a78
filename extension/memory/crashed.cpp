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
RunningJob *g_running; // anonymous, shared by fork; slot_count() of them
int g_file = -1;

void write_entry(int slot, const RunningJob &entry) {
    if (g_file < 0)
        return;
    const auto place = static_cast<off_t>(slot * sizeof(RunningJob));
    const ssize_t written = pwrite(g_file, &entry, sizeof(entry), place);
    (void)written; // nothing to be done about it here
}

// At the postmaster's end, in whatever way it was stopped: what still stands there is for the next
// start, and an empty file is nobody's, least of all if the library is not loaded any more.
void leave_file(int /*code*/, Datum /*argument*/) {
    bool any = false;
    for (int i = 0; i < slot_count(); i++) {
        any = any || g_running[i].magic == kMagic;
        write_entry(i, g_running[i]);
    }
    if (!any)
        unlink(kFile);
}

// A file of ours: no link to another one, nothing that blocks.
bool is_plain(int file) {
    struct stat form;
    if (fstat(file, &form) != 0)
        return false;
    errno = EINVAL;
    return S_ISREG(form.st_mode) && form.st_nlink == 1;
}

// The programs that the server starts (archive_command) don't get it: it closes on exec.
int open_file() {
    constexpr int kFlags = O_RDWR | O_CREAT | O_NOFOLLOW | O_NONBLOCK | O_CLOEXEC | PG_BINARY;
    const int file = BasicOpenFile(kFile, kFlags);
    if (file < 0 || is_plain(file))
        return file;
    const int failure = errno;
    close(file);
    errno = failure;
    return -1;
}

// The entries of a postmaster that died. What is short, or of another length, has none there.
void read_file() {
    RunningJob entry;
    for (int i = 0; i < slot_count(); i++) {
        const auto place = static_cast<off_t>(i * sizeof(entry));
        if (pread(g_file, &entry, sizeof(entry), place) != sizeof(entry))
            break;
        if (entry.magic == kMagic)
            g_crashed->jobs[g_crashed->count++] = entry;
    }
}

// Room for all slots is taken at once: later there may be none on the disk.
bool clear_file() {
    const Size size = slot_count() * sizeof(RunningJob);
    void *zeros = palloc0(size);
    const bool cleared =
        ftruncate(g_file, 0) == 0 && pwrite(g_file, zeros, size, 0) == static_cast<ssize_t>(size);
    pfree(zeros);
    return cleared;
}

void warn(const char *verb) {
    ereport(WARNING,
            (errcode_for_file_access(), errmsg("could not %s file \"%s\": %m", verb, kFile),
             errdetail("A job that ends the whole server at once will not be charged an "
                       "attempt.")));
}

void take_file() {
    g_file = open_file();
    if (g_file < 0) {
        warn("open");
        return;
    }
    read_file();
    if (!clear_file())
        warn("write");
}

void map_memory() {
    void *place = mmap(nullptr, slot_count() * sizeof(RunningJob), PROT_READ | PROT_WRITE,
                       MAP_SHARED | MAP_ANONYMOUS, -1, 0);
    g_running = place == MAP_FAILED ? nullptr : static_cast<RunningJob *>(place);
    if (g_running == nullptr)
        ereport(WARNING,
                (errcode(ERRCODE_OUT_OF_MEMORY), errmsg("could not map memory: %m"),
                 errdetail("A job that crashes the server will not be charged an attempt.")));
    else if (g_file >= 0)
        on_proc_exit(leave_file, 0); // a child of the postmaster's doesn't inherit it
}

// What a crash left in the same postmaster.
void take_memory() {
    for (int i = 0; g_running != nullptr && i < slot_count(); i++) {
        if (g_running[i].magic == kMagic)
            g_crashed->jobs[g_crashed->count++] = g_running[i];
        g_running[i].magic = 0;
        write_entry(i, g_running[i]);
    }
}

void take_crashed(bool again) {
    if (again) {
        take_memory();
    } else {
        take_file();
        map_memory();
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
    take_crashed(again);
    // Shared memory that is made a second time by the same postmaster, or jobs that were in a
    // handler when the last one ended: the server has crashed.
    if (again || g_crashed->count > 0)
        g_crashed->suspected_until = later(clock_now(), kCoolDown);
    again = true;
}

CrashedJobs crashed_jobs() { return {g_crashed->jobs, g_crashed->count}; }

TimestampTz crash_suspected_until() { return g_crashed->suspected_until; }

void note_running_job(int slot, Oid database, const core::Uuid &job, int run) {
    if (g_running == nullptr)
        return;
    RunningJob &entry = g_running[slot];
    entry.database = database;
    entry.job = job;
    entry.run = run;
    pg_write_barrier();
    entry.magic = kMagic;
}

void forget_running_job(int slot) {
    if (g_running != nullptr)
        g_running[slot].magic = 0;
}

void write_running_job(int slot) {
    if (g_running != nullptr)
        write_entry(slot, g_running[slot]);
}

void write_running_group(int slot, Oid database) {
    RunningJob group{};
    group.magic = kMagic;
    group.database = database;
    write_entry(slot, group);
}

} // namespace ayb
