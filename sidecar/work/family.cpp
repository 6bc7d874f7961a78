#include "work/family.hpp"

#include <fcntl.h>
#include <sys/syscall.h>
#include <sys/wait.h>
#include <unistd.h>

#include <cerrno>
#include <csignal>
#include <cstring>

namespace ayb::work {

namespace {

// As getdents64(2) has it.
struct Entry {
    unsigned long inode;
    long offset;
    unsigned short size;
    unsigned char kind;
    char name[1];
};

// 0 where the text is no number.
pid_t number_of(const char *text) {
    pid_t number = 0;
    for (; *text >= '0' && *text <= '9'; text++)
        number = number * 10 + (*text - '0');
    return *text == '\0' || *text == ' ' ? number : 0;
}

// By /proc/PID/stat, "pid (name) state parent …", whose name may have anything in it.
pid_t parent_of(const char *pid) {
    char path[64] = "/proc/";
    strncat(path, pid, 20);
    strcat(path, "/stat");
    const int file = ::open(path, O_RDONLY | O_CLOEXEC);
    if (file < 0)
        return 0;
    char text[512];
    const ssize_t got = ::read(file, text, sizeof(text) - 1);
    ::close(file);
    if (got <= 0)
        return 0;
    text[got] = '\0';
    const char *end = strrchr(text, ')');
    return end != nullptr && end + 4 < text + got ? number_of(end + 4) : 0;
}

// The kernel keeps no list of them that can be had everywhere.
void kill_children() {
    const int directory = ::open("/proc", O_RDONLY | O_DIRECTORY | O_CLOEXEC);
    if (directory < 0)
        return;
    alignas(Entry) char buffer[16384];
    for (long got; (got = syscall(SYS_getdents64, directory, buffer, sizeof(buffer))) > 0;)
        for (long at = 0; at < got;) {
            const auto *entry = reinterpret_cast<const Entry *>(buffer + at);
            at += entry->size;
            const pid_t pid = number_of(entry->name);
            if (pid > 0 && parent_of(entry->name) == getpid())
                ::kill(pid, SIGKILL);
        }
    ::close(directory);
}

} // namespace

void end_children() {
    constexpr int kRounds = 100;
    constexpr timespec kMoment{0, 50'000'000};
    sigset_t child;
    sigemptyset(&child);
    sigaddset(&child, SIGCHLD);
    for (int round = 0; round < kRounds;) {
        const pid_t ended = waitpid(-1, nullptr, WNOHANG);
        if (ended < 0)
            return; // there are none
        if (ended > 0)
            continue;
        kill_children();
        if (sigtimedwait(&child, nullptr, &kMoment) < 0)
            round++;
    }
}

} // namespace ayb::work
