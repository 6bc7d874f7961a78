// Signs of life of the processes that serve this database, and what its scheduler has failed with.
#include "base/answer.hpp"

#include "base/arguments.hpp"
#include "memory/databases.hpp"
#include "memory/launcher.hpp"
#include "memory/slots.hpp"

namespace ayb {

namespace {

void put_process(const char *name, pid_t pid, const Pulse &pulse, ReturnSetInfo *result) {
    const Life life = life_of(pulse);
    Row row;
    row.add_text(name);
    row.add(Int32GetDatum(pid));
    row.add_time(life.beat);
    row.add_time(life.looking_since);
    row.add_time(life.looked);
    row.put(result);
}

} // namespace

} // namespace ayb

using namespace ayb;

// processes() → setof (process, pid, moved_at, looking_since, looked_at)
AYB_SQL_FUNCTION(ayb_jobs_processes) {
    ReturnSetInfo *result = begin_set(fcinfo);
    if (!preloaded())
        PG_RETURN_NULL();
    if (const pid_t launcher = launcher_pid())
        put_process("launcher", launcher, launcher_pulse(), result);
    const Database *database = find_database(MyDatabaseId);
    if (database != nullptr && database->scheduler_pid != 0)
        put_process("scheduler", database->scheduler_pid, database->pulse, result);
    each_slot([&](const WorkerSlot &slot) {
        if (slot.serves(MyDatabaseId))
            put_process("worker", slot.pid, slot.pulse, result);
    });
    PG_RETURN_NULL();
}

// troubles() → setof (duty, since, error)
AYB_SQL_FUNCTION(ayb_jobs_troubles) {
    ReturnSetInfo *result = begin_set(fcinfo);
    Database *database = find_database(MyDatabaseId);
    for (int i = 0; database != nullptr && i < kDuties; i++) {
        const auto duty = static_cast<Duty>(i);
        const Trouble trouble = trouble_of(database, duty);
        if (trouble.error[0] == '\0')
            continue;
        Row row;
        row.add_text(core::word_of(duty));
        row.add_time(trouble.since);
        row.add_text(trouble.error);
        row.put(result);
    }
    PG_RETURN_NULL();
}
