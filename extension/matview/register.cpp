#include "matview/register.hpp"

#include "base/arguments.hpp"
#include "matview/rows.hpp"
#include "matview/triggers.hpp"
#include "pg/clock.hpp"

namespace ayb {

namespace {

using InsertMatview = Sql<core::Uuid, const char *, const char *, const char *, bool,
                          std::optional<int>, std::optional<int>, Oid, At>;
InsertMatview g_insert{R"sql(
    INSERT INTO ayb_jobs.matview_refreshes (id, schema_name, view_name, refresh_mode,
        skip_unchanged, lock_timeout, statement_timeout, run_as, created_at, updated_at)
    VALUES ($1, $2, $3, $4, $5, $6 * interval '1 ms', $7 * interval '1 ms', $8, $9, $9)
    ON CONFLICT (schema_name, view_name) DO NOTHING
)sql"};
Sql<const char *, const char *> g_find{R"sql(
    SELECT m.id
    FROM ayb_jobs.matview_refreshes AS m
    WHERE m.schema_name = $1 AND m.view_name = $2
)sql"};

// Of a timeout; 0 or less is none.
std::optional<int> positive(int milliseconds) {
    return milliseconds > 0 ? std::make_optional(milliseconds) : std::nullopt;
}

Oid require_own_view(const Registration &wanted, Oid *owner) {
    const Oid view = find_view(wanted.schema, wanted.view);
    if (!OidIsValid(view))
        ereport(ERROR, (errcode(ERRCODE_UNDEFINED_TABLE),
                        errmsg("materialized view not found in database"),
                        errdetail("It would be %s.%s.", wanted.schema, wanted.view),
                        errhint("CREATE MATERIALIZED VIEW makes one; a table or a plain view"
                                " can't be refreshed.")));
    *owner = view_owner(view);
    check_owner(*owner, GetUserId(), Right::admin, wanted.schema, wanted.view);
    return view;
}

} // namespace

bool register_matview(const Registration &wanted, core::Uuid *id) {
    Oid owner;
    const Oid view = require_own_view(wanted, &owner);
    const TimestampTz now = clock_now();
    *id = new_job_id(now);
    const bool made = in_bounded_books([&] {
        return g_insert.run(*id, wanted.schema, wanted.view, wanted.mode, wanted.skip_unchanged,
                            positive(wanted.lock_timeout), positive(wanted.statement_timeout),
                            owner, At{now}) > 0;
    });
    if (made && wanted.skip_unchanged)
        make_triggers(view, GetUserId());
    return made;
}

bool find_registration(const char *schema, const char *view, core::Uuid *id) {
    return in_books([=] {
        const bool found = g_find.run(schema, view) > 0;
        if (found)
            read_row(0, id);
        return found;
    });
}

} // namespace ayb
