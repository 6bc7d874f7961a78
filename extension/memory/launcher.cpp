#include "memory/launcher.hpp"

namespace ayb {

namespace {

struct Launcher {
    slock_t mutex; // guards all but no_slot_since and pulse
    pid_t pid;
    Latch *latch;
    LauncherMail mail;
    TimestampTz no_slot_since;
    Pulse pulse;
};

Launcher *g_launcher;

void set_launcher(pid_t pid, Latch *latch) {
    SpinLockAcquire(&g_launcher->mutex);
    g_launcher->pid = pid;
    g_launcher->latch = latch;
    SpinLockRelease(&g_launcher->mutex);
}

} // namespace

Size launcher_size() { return sizeof(Launcher); }

void init_launcher() {
    bool made;
    g_launcher = static_cast<Launcher *>(shared_part("ayb_jobs launcher", launcher_size(), &made));
    if (made)
        SpinLockInit(&g_launcher->mutex);
}

void enter_launcher() {
    start_pulse(&g_launcher->pulse);
    set_launcher(MyProcPid, MyLatch);
}

void leave_launcher() { set_launcher(0, nullptr); }

pid_t launcher_pid() {
    SpinLockAcquire(&g_launcher->mutex);
    const pid_t pid = g_launcher->pid;
    SpinLockRelease(&g_launcher->mutex);
    return pid;
}

const Pulse &launcher_pulse() { return g_launcher->pulse; }

TimestampTz *launcher_no_slot_since() { return &g_launcher->no_slot_since; }

void wake_launcher() {
    SpinLockAcquire(&g_launcher->mutex);
    Latch *latch = g_launcher->latch;
    SpinLockRelease(&g_launcher->mutex);
    if (latch != nullptr)
        SetLatch(latch);
}

void request_probe(Oid database) {
    if (!preloaded())
        return;
    LauncherMail &mail = g_launcher->mail;
    SpinLockAcquire(&g_launcher->mutex);
    if (OidIsValid(database) && mail.probe_count < kMaxProbes)
        mail.probes[mail.probe_count++] = database;
    else
        mail.probe_all = true;
    SpinLockRelease(&g_launcher->mutex);
    wake_launcher();
}

void report_absent(Oid database) {
    LauncherMail &mail = g_launcher->mail;
    SpinLockAcquire(&g_launcher->mutex);
    if (mail.absent_count < kMaxProbes)
        mail.absent[mail.absent_count++] = database;
    SpinLockRelease(&g_launcher->mutex);
}

void take_mail(LauncherMail *mail) {
    SpinLockAcquire(&g_launcher->mutex);
    *mail = g_launcher->mail;
    g_launcher->mail = LauncherMail{};
    SpinLockRelease(&g_launcher->mutex);
}

} // namespace ayb
