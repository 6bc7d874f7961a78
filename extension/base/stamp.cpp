#include "base/stamp.hpp"

#include "hooks/changes.hpp"
#include "hooks/utility_hook.hpp"
#include "pg/books.hpp"
#include "pg/extension.hpp"

namespace ayb {

namespace {

Statement s_read{
    "SELECT s.system_identifier, s.database FROM ayb_jobs.database_stamp AS s", 0, {}, nullptr};
Statement s_clear{"DELETE FROM ayb_jobs.database_stamp", 0, {}, nullptr};
Statement s_write{
    "INSERT INTO ayb_jobs.database_stamp (system_identifier, database) VALUES ($1, $2)",
    2,
    {INT8OID, OIDOID},
    nullptr};

int64 this_system() { return static_cast<int64>(GetSystemIdentifier()); }

} // namespace

Stamp read_stamp() {
    const Books books = open_books();
    Stamp stamp = Stamp::missing;
    if (run_statement(s_read, Parameters()) > 0)
        stamp = int_column(0, 1) == this_system() && oid_column(0, 2) == MyDatabaseId
                    ? Stamp::fits
                    : Stamp::other;
    close_books(books);
    return stamp;
}

void write_stamp() {
    run_statement(s_clear, Parameters());
    Parameters parameters;
    parameters.set(1, Int64GetDatum(this_system())).set(2, ObjectIdGetDatum(MyDatabaseId));
    run_statement(s_write, parameters);
}

} // namespace ayb

using namespace ayb;

// _stamp_new_database(): the last step of the install script. A restore is told from an
// installation by what pg_dump's scripts set first, and leaves the database unstamped.
AYB_SQL_FUNCTION(ayb_jobs_stamp_new_database) {
    if (!restoring()) {
        const Books books = open_books_as(extension_owner());
        write_stamp();
        close_books(books);
    }
    note_probe();
    PG_RETURN_VOID();
}
