// What health() asks of the server.
#include "base/answer.hpp"

#include "base/arguments.hpp"
#include "memory/databases.hpp"
#include "memory/launcher.hpp"
#include "pg/settings.hpp"

using namespace ayb;

// _server_state() → one row for health()
AYB_SQL_FUNCTION(ayb_jobs_server_state) {
    ReturnSetInfo *result = begin_set(fcinfo);
    Database *database = find_database(MyDatabaseId);
    Row row;
    row.add(BoolGetDatum(preloaded()));
    row.add(BoolGetDatum(settings::enabled));
    row.add(BoolGetDatum(preloaded() && launcher_lives()));
    if (database != nullptr) {
        row.add(BoolGetDatum(database->scheduler_pid != 0));
        row.add(BoolGetDatum(database->dormant));
        row.add_time(database->no_slot_since != 0 ? database->no_slot_since
                                                  : *launcher_no_slot_since());
        row.add(Int64GetDatum(database->leases_lost));
        row.add(BoolGetDatum(pg_atomic_read_u32(&database->draining) != 0));
    } else {
        row.add(BoolGetDatum(false));
        row.add(BoolGetDatum(false));
        row.add_time(preloaded() ? *launcher_no_slot_since() : 0);
    }
    row.put(result);
    PG_RETURN_NULL();
}
