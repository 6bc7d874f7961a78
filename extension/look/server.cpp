// What health() asks of the server.
#include "base/answer.hpp"

#include "base/arguments.hpp"
#include "memory/databases.hpp"
#include "memory/launcher.hpp"
#include "pg/clock.hpp"
#include "pg/settings.hpp"

using namespace ayb;

// server_state() → one row for health()
AYB_SQL_FUNCTION(ayb_jobs_server_state) {
    ReturnSetInfo *result = begin_set(fcinfo);
    Database *database = find_database(MyDatabaseId);
    const bool named = settings::serves_database(get_database_name(MyDatabaseId));
    Row row;
    row.add(BoolGetDatum(preloaded()));
    row.add(BoolGetDatum(settings::enabled));
    row.add(BoolGetDatum(preloaded() && launcher_pid() != 0));
    if (database != nullptr) {
        row.add(BoolGetDatum(database->scheduler_pid != 0));
        row.add(BoolGetDatum(database->dormant));
        row.add_time(database->no_slot_since != 0 ? database->no_slot_since
                                                  : *launcher_no_slot_since());
        row.add(Int64GetDatum(database->leases_lost));
        row.add(BoolGetDatum(pg_atomic_read_u32(&database->draining) != 0));
        row.add(BoolGetDatum(named));
        row.add_time(database->lost_at);
        row.add_time(database->set_back_at);
        row.add(Int64GetDatum(database->set_back_by / kMicrosecondsPerSecond));
    } else {
        row.add(BoolGetDatum(false));
        row.add(BoolGetDatum(false));
        row.add_time(preloaded() ? *launcher_no_slot_since() : 0);
        row.add_null();
        row.add_null();
        row.add(BoolGetDatum(named));
    }
    row.put(result);
    PG_RETURN_NULL();
}
