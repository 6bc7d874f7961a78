#pragma once
// Databases in shared memory: which scheduler serves each, and who holds it back.
#include "memory/shared.hpp"

namespace ayb {

// The database's place, or null. Reads without a lock; a place stays its database's while a
// scheduler or a hold has it.
Database *find_database(Oid database);

// The same, where a scheduler serves it: only then commits that go unheard are made good.
Database *find_served(Oid database);

// Finds or takes a place; null where there is none left.
Database *take_database(Oid database);

// Gives the place back if neither a scheduler nor a hold has it any more.
void release_database(Database *entry);

// The scheduler enters its database: `serving` from now on, with no lanes. Null if another
// scheduler is there, or the database is held back.
Database *enter_database(Oid database);
void leave_database(Database *entry);

void wake_scheduler(Database *entry);

// Asks the launcher to look at this database (InvalidOid: at all of them), at once.
void request_probe(Oid database);

// A scheduler says that its database doesn't have the extension; the launcher takes note. It has to
// look once more after that, and ask for a probe if the extension came in the meantime.
void report_absent(Oid database);

// A scheduler left: the launcher starts another if one is wanted.
void wake_launcher();

// Takes what the launcher was told since it last asked.
void take_mail(LauncherMail *mail);

// Keeps the database's processes away until release_hold(). False where shared memory has no place
// left.
bool take_hold(Oid database);
void release_hold(Oid database);
// Makes them leave (running jobs get shutdown_timeout) and waits until they have. Interruptible;
// bounded.
void wait_for_hold(Oid database);

// The worker or scheduler processes of a database get SIGTERM.
void stop_workers(Oid database);
int count_workers(Oid database);

// Cancels the jobs that workers of the database are at; they go back uncharged. `hard` ends the
// workers that are at one instead.
void interrupt_workers(Oid database, bool hard);

} // namespace ayb
