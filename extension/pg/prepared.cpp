#include "pg/prepared.hpp"

#include "pg/sql.hpp"

namespace ayb {

namespace {

Sql<> g_prepared{"SELECT ayb_jobs_internal.has_prepared_transactions()"};

} // namespace

bool has_prepared_transactions() {
    if (max_prepared_xacts == 0)
        return false;
    return in_books([] {
        bool found = false;
        g_prepared.run();
        read_row(0, &found);
        return found;
    });
}

} // namespace ayb
