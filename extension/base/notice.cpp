#include "base/notice.hpp"

#include "memory/databases.hpp"
#include "pg/settings.hpp"

namespace ayb {

namespace {

bool g_told;

} // namespace

void notice_if_nothing_runs() {
    if (g_told)
        return;
    if (!preloaded()) {
        ereport(NOTICE,
                (errmsg("jobs will wait: ayb_jobs is not preloaded"),
                 errhint("Add ayb_jobs to shared_preload_libraries and restart the server.")));
    } else if (!settings::enabled) {
        ereport(NOTICE,
                (errmsg("jobs will wait: ayb_jobs.enabled is off"),
                 errhint("ALTER SYSTEM SET ayb_jobs.enabled = on; SELECT pg_reload_conf();")));
    } else {
        const Database *database = find_database(MyDatabaseId);
        if (database == nullptr || !database->dormant)
            return; // asked again: the scheduler may only be about to look
        ereport(NOTICE, (errmsg("jobs will wait: this database is a copy or was restored"),
                         errhint("SELECT ayb_jobs.adopt(); lets its jobs run.")));
    }
    g_told = true;
}

} // namespace ayb
