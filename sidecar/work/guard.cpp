#include "work/guard.hpp"

#include "work/family.hpp"

#include <fcntl.h>
#include <sys/prctl.h>
#include <sys/syscall.h>
#include <sys/wait.h>
#include <unistd.h>

#include <cerrno>
#include <csignal>

namespace ayb::work {

namespace {

constexpr int kNews = 3; // behind stdin, stdout and stderr
constexpr int kStartFailed = 127;

[[noreturn]] void give_up(int descriptor, int error) {
    const News news{error, 0};
    [[maybe_unused]] const auto written = ::write(descriptor, &news, sizeof(news));
    _exit(kStartFailed);
}

// Not by the library's calls, which would tell threads that aren't there.
bool become(const User &user) {
    return syscall(SYS_setgroups, user.groups.size(), user.groups.data()) == 0 &&
           syscall(SYS_setresgid, user.gid, user.gid, user.gid) == 0 &&
           syscall(SYS_setresuid, user.uid, user.uid, user.uid) == 0;
}

// As if nobody had ever changed how signals are taken.
void reset_signals() {
    for (int signal = 1; signal < NSIG; signal++)
        ::signal(signal, SIG_DFL);
    sigset_t none;
    sigemptyset(&none);
    sigprocmask(SIG_SETMASK, &none, nullptr);
}

// The program itself, whose descriptors are in place.
[[noreturn]] void become_program(pid_t parent, const Launch &launch, char *const *environment) {
    setpgid(0, 0);
    setrlimit(RLIMIT_NOFILE, &launch.descriptors());
    if (launch.user() != nullptr && !become(*launch.user()))
        give_up(kNews, errno);
    prctl(PR_SET_PDEATHSIG, SIGKILL); // a change of user has forgotten it
    if (getppid() != parent)
        _exit(kStartFailed);
    reset_signals();
    execve(launch.path(), launch.arguments(), environment);
    give_up(kNews, errno);
}

// What we are given becomes 0 to 3, and all else is closed: other programs' pipes too, which wait
// for their end. None of ours stands in the way (fill_low_descriptors()).
void take_descriptors(const Ends &ends) {
    dup2(ends.in, STDIN_FILENO);
    dup2(ends.out, STDOUT_FILENO);
    dup2(ends.err, STDERR_FILENO);
    dup3(ends.news, kNews, O_CLOEXEC);
    rlimit limit{};
    if (syscall(SYS_close_range, kNews + 1, ~0U, 0) == 0 || getrlimit(RLIMIT_NOFILE, &limit) != 0)
        return;
    for (rlim_t descriptor = kNews + 1; descriptor < limit.rlim_max; descriptor++)
        ::close(static_cast<int>(descriptor)); // a kernel, or a sandbox, without that call
}

// Takes what has ended; true once the program is among it.
bool reap(pid_t program, News &news) {
    bool ended = false;
    int status = 0;
    for (pid_t pid; (pid = waitpid(-1, &status, WNOHANG)) > 0;)
        if (pid == program) {
            news.status = status;
            ended = true;
        }
    return ended;
}

// With all of its group, which it may have left.
void end_at_once(pid_t program) {
    kill(-program, SIGKILL);
    kill(program, SIGKILL);
}

// Until the program has ended.
News watch(pid_t program) {
    sigset_t all;
    sigfillset(&all);
    News news{0, 0};
    while (!reap(program, news)) {
        const int signal = sigwaitinfo(&all, nullptr);
        if (signal == kAsk && kill(-program, SIGTERM) != 0)
            kill(program, SIGTERM); // it went to another group
        else if (signal == kEnd)
            end_at_once(program);
    }
    return news;
}

} // namespace

void guard(pid_t parent, const Launch &launch, char *const *environment, const Ends &ends) {
    ::signal(SIGCHLD, SIG_DFL); // ignored, nobody would hear of a child
    setpgid(0, 0);              // what a terminal sends is ours to tell
    prctl(PR_SET_PDEATHSIG, kEnd);
    prctl(PR_SET_CHILD_SUBREAPER, 1);
    take_descriptors(ends);
    if (getppid() != parent)
        _exit(kStartFailed);
    const pid_t us = getpid();
    const pid_t program = _Fork();
    if (program == 0)
        become_program(us, launch, environment);
    if (program < 0)
        give_up(kNews, errno);
    setpgid(program, program);
    for (const int descriptor : {STDIN_FILENO, STDOUT_FILENO, STDERR_FILENO})
        ::close(descriptor);
    const News news = watch(program);
    kill(-program, SIGKILL);
    end_children();
    [[maybe_unused]] const auto written = ::write(kNews, &news, sizeof(news));
    _exit(0);
}

} // namespace ayb::work
