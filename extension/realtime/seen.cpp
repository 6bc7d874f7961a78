// What the view realtime_tables shows of a table.
#include "pg/arrays.hpp"
#include "pg/tuples.hpp"
#include "realtime/listened.hpp"

namespace ayb {

namespace {

// The arguments of a trigger as the catalog has them: texts, each with a zero at its end.
Datum arguments_of(HeapTuple tuple, TupleDesc shape) {
    const auto *form = reinterpret_cast<Form_pg_trigger>(GETSTRUCT(tuple));
    bytea *bytes = DatumGetByteaPP(value_of(tuple, shape, Anum_pg_trigger_tgargs));
    const char *at = VARDATA_ANY(bytes);
    ArrayBuildState *texts = new_column(TEXTOID);
    for (int i = 0; i < form->tgnargs; i++, at += strlen(at) + 1)
        add_text(texts, at);
    return form->tgnargs > 0 ? whole_column(texts) : 0;
}

Datum trigger_arguments(Oid trigger) {
    Datum found = 0;
    each_catalog_row(
        TriggerRelationId, TriggerOidIndexId, Anum_pg_trigger_oid, trigger,
        [&found](HeapTuple row, TupleDesc shape) { found = arguments_of(row, shape); });
    return found;
}

} // namespace

} // namespace ayb

using namespace ayb;

// trigger_arguments(of_trigger) → text[]
AYB_SQL_FUNCTION(ayb_jobs_trigger_arguments) {
    const Datum arguments = trigger_arguments(PG_GETARG_OID(0));
    if (arguments == 0)
        PG_RETURN_NULL();
    PG_RETURN_DATUM(arguments);
}

// is_listened(relation) → boolean
AYB_SQL_FUNCTION(ayb_jobs_is_listened) {
    if (!preloaded())
        PG_RETURN_BOOL(false);
    const int feed = find_feed({MyDatabaseId, PG_GETARG_OID(0)});
    PG_RETURN_BOOL(feed >= 0 && feed_is_live(feed, GetCurrentTimestamp()));
}

// realtime_problem(relation) → text
AYB_SQL_FUNCTION(ayb_jobs_realtime_problem) {
    const char *why = why_not_listened(PG_GETARG_OID(0));
    if (why == nullptr)
        PG_RETURN_NULL();
    PG_RETURN_TEXT_P(cstring_to_text(why));
}
