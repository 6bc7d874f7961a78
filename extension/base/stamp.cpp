#include "base/stamp.hpp"

#include "hooks/changes.hpp"
#include "hooks/utility_hook.hpp"
#include "memory/databases.hpp"
#include "pg/extension.hpp"
#include "pg/sql.hpp"

namespace ayb {

namespace {

Sql<int64, Oid> g_fits{R"sql(
    SELECT bool_and(s.system_identifier = $1 AND s.database = $2)
    FROM ayb_jobs.database_stamp AS s
)sql"};
Sql<> g_clear{"DELETE FROM ayb_jobs.database_stamp"};
Sql<int64, Oid> g_write{R"sql(
    INSERT INTO ayb_jobs.database_stamp (system_identifier, database) VALUES ($1, $2)
)sql"};

int64 this_system() { return static_cast<int64>(GetSystemIdentifier()); }

} // namespace

Stamp read_stamp() {
    return in_books([] {
        std::optional<bool> fits;
        g_fits.run(this_system(), MyDatabaseId);
        read_row(0, &fits);
        return !fits ? Stamp::missing : *fits ? Stamp::fits : Stamp::other;
    });
}

void write_stamp() {
    g_clear.run();
    g_write.run(this_system(), MyDatabaseId);
}

void mistrust_brought_row() {
    if (!rows_are_brought() || !note_draining())
        return;
    if (in_books_as(extension_owner(), [] { return g_clear.run(); }) == 0)
        return; // nothing ran here before
    if (Database *database = find_database(MyDatabaseId))
        pg_atomic_write_u32(&database->draining, 1);
    note_configuration(); // the table's own trigger doesn't fire in a replica
    ereport(WARNING, (errmsg("nothing runs in this database from now on: jobs or schedules came by "
                             "COPY, a restore or replication"),
                      errhint("SELECT ayb_jobs.adopt(); lets them run.")));
}

void adopt_database() {
    in_bounded_books(write_stamp);
    note_probe();
    end_drain();
}

void end_drain() {
    if (Database *database = find_database(MyDatabaseId))
        pg_atomic_write_u32(&database->draining, 0);
}

void refuse_in_copy() {
    if (read_stamp() != Stamp::fits)
        ereport(ERROR, (errcode(ERRCODE_OBJECT_NOT_IN_PREREQUISITE_STATE),
                        errmsg("nothing runs in this database: it is a copy or was restored"),
                        errhint("SELECT ayb_jobs.adopt(); lets its jobs run.")));
}

} // namespace ayb

using namespace ayb;

// stamp_new_database(): the last step of the install script. A restore is told from an
// installation by what pg_dump's scripts set first, and leaves the database unstamped.
AYB_SQL_FUNCTION(ayb_jobs_stamp_new_database) {
    if (!restoring())
        in_books_as(extension_owner(), write_stamp);
    note_probe();
    PG_RETURN_VOID();
}
