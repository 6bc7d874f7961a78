#include "pg/session.hpp"

#include "pg/settings.hpp"
#include "pg/transaction.hpp"

namespace ayb {

namespace {

const char *commit_level() {
    switch (settings::synchronous_commit) {
    case SYNCHRONOUS_COMMIT_OFF:
        return "off";
    case SYNCHRONOUS_COMMIT_LOCAL_FLUSH:
        return "local";
    case SYNCHRONOUS_COMMIT_REMOTE_WRITE:
        return "remote_write";
    case SYNCHRONOUS_COMMIT_REMOTE_APPLY:
        return "remote_apply";
    default:
        return "on";
    }
}

void pin(const char *name, const char *value) {
    SetConfigOption(name, value, PGC_SUSET, PGC_S_OVERRIDE);
}

} // namespace

void pin_session() {
    pin("role", "none");
    pin("default_transaction_isolation", "read committed");
    pin("default_transaction_read_only", "off");
    pin("default_transaction_deferrable", "off");
    pin("row_security", "on");
    pin("lock_timeout", "0");
    pin("idle_in_transaction_session_timeout", "0");
    pin("synchronous_commit", commit_level());
}

void pin_commit_level() {
    if (synchronous_commit != settings::synchronous_commit)
        pin("synchronous_commit", commit_level());
}

void reset_session() {
    in_transaction([] { // its snapshot is for long values in the catalogs
        PortalHashTableDeleteAll();
        SetPGVariable("session_authorization", NIL, false);
        ResetAllOptions();
        DropAllPreparedStatements();
        LockReleaseAll(USER_LOCKMETHOD, true);
        ResetTempTableNamespace();
        ResetSequenceCaches();
        pin_session();
    });
}

void clear_interrupts() {
    // A signal that comes in right here is one for the job that follows: its sender names that job.
    QueryCancelPending = false;
}

} // namespace ayb
