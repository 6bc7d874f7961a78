// The type materialized_view_refresh.
#include "base/arguments.hpp"
#include "matview/arguments.hpp"
#include "matview/refresh.hpp"
#include "matview/register.hpp"

namespace ayb {

namespace {

// Two jobs may come upon an unknown view at once: one registers it, the other finds that.
core::Uuid registration_of(const char *schema, const char *view) {
    core::Uuid id;
    if (find_registration(schema, view, &id))
        return id;
    Registration wanted{};
    wanted.schema = schema;
    wanted.view = view;
    wanted.mode = "standard";
    if (!register_matview(wanted, &id) && !find_registration(schema, view, &id))
        ereport(ERROR, (errcode(ERRCODE_T_R_SERIALIZATION_FAILURE),
                        errmsg("could not register materialized view %s.%s", schema, view),
                        errhint("Another transaction has just changed it: try again.")));
    return id;
}

} // namespace

} // namespace ayb

using namespace ayb;

// refresh_by_name(view_name, schema_name) → refresh_outcome
AYB_SQL_FUNCTION(ayb_jobs_refresh_by_name) {
    const char *view = text_argument(fcinfo, 0);
    require_argument(fcinfo, 1, "schema_name");
    const char *schema = text_argument(fcinfo, 1);
    if (view == nullptr || view[0] == '\0')
        ereport(ERROR,
                (errcode(ERRCODE_INVALID_PARAMETER_VALUE), errmsg("view_name is required"),
                 err_generic_string(PG_DIAG_COLUMN_NAME, "view_name"),
                 errhint("Such as {\"schema_name\": \"public\", \"view_name\": \"totals\"}.")));
    check_identifier(schema, "schema_name");
    check_identifier(view, "view_name");
    PG_RETURN_DATUM(outcome_datum(fcinfo, refresh_matview(registration_of(schema, view))));
}
