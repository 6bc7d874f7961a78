// The entry point: what is set up when the library is loaded.
#include "base/options.hpp"
#include "handlers/handlers.hpp"
#include "handlers/intruder.hpp"
#include "hooks/access_hook.hpp"
#include "hooks/changes.hpp"
#include "hooks/planning.hpp"
#include "hooks/shared.hpp"
#include "hooks/utility_hook.hpp"
#include "pg/extension.hpp"
#include "pg/raw_table.hpp"
#include "pg/settings.hpp"
#include "realtime/notes.hpp"
#include "records/sources.hpp"
#include "workers/launcher.hpp"

extern "C" {
PG_MODULE_MAGIC;
PGDLLEXPORT void _PG_init(void);
}

void _PG_init(void) {
    using namespace ayb;
    define_meta();
    settings::define();
    install_change_callbacks();
    install_source_callbacks();
    install_extension_callbacks();
    install_raw_table_callbacks();
    install_planning_hooks();
    install_handler_callbacks();
    install_intruder_callbacks();
    install_realtime_callbacks();
    if (!process_shared_preload_libraries_in_progress || IsBinaryUpgrade)
        return;
    request_shared_memory();
    install_utility_hook();
    install_access_hook();
    install_realtime_hook();
    install_quiet_hooks();
    register_launcher();
}
