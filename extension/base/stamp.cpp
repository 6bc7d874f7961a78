#include "base/stamp.hpp"

#include "hooks/changes.hpp"
#include "hooks/utility_hook.hpp"
#include "pg/books.hpp"
#include "pg/extension.hpp"

namespace ayb {

namespace {

Statement s_read{"SELECT bool_and(s.system_identifier = $1 AND s.database = $2) FROM "
                 "ayb_jobs.database_stamp AS s",
                 2,
                 {INT8OID, OIDOID},
                 nullptr};
Statement s_clear{"DELETE FROM ayb_jobs.database_stamp", 0, {}, nullptr};
Statement s_write{
    "INSERT INTO ayb_jobs.database_stamp (system_identifier, database) VALUES ($1, $2)",
    2,
    {INT8OID, OIDOID},
    nullptr};

Parameters this_database() {
    Parameters parameters;
    parameters.set(1, Int64GetDatum(static_cast<int64>(GetSystemIdentifier())));
    return parameters.set(2, ObjectIdGetDatum(MyDatabaseId));
}

} // namespace

Stamp read_stamp() {
    const Books books = open_books();
    run_statement(s_read, this_database());
    bool missing;
    const bool fits = DatumGetBool(column(0, 1, &missing));
    close_books(books);
    return missing ? Stamp::missing : fits ? Stamp::fits : Stamp::other;
}

void write_stamp() {
    run_statement(s_clear, Parameters());
    run_statement(s_write, this_database());
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
