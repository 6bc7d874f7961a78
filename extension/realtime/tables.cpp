#include "realtime/tables.hpp"

#include "base/arguments.hpp"

namespace ayb {

namespace {

constexpr const char *kHint = "It takes 1 to 100 tables of ayb_jobs.realtime_tables.";

int in_order(const void *one, const void *other) {
    const Oid a = *static_cast<const Oid *>(one);
    const Oid b = *static_cast<const Oid *>(other);
    return a < b ? -1 : static_cast<int>(a > b);
}

} // namespace

TableList tables_argument(FunctionCallInfo fcinfo, int number) {
    require_argument(fcinfo, number, "relations");
    ArrayType *array = PG_GETARG_ARRAYTYPE_P(number);
    const int count = ArrayGetNItems(ARR_NDIM(array), ARR_DIMS(array));
    if (array_contains_nulls(array) || count < 1 || count > kMostTables)
        refuse_argument("relations", psprintf("%d tables can't be listened to", count), kHint);
    TableList list{static_cast<Oid *>(palloc(count * sizeof(Oid))), 0};
    memcpy(list.oids, ARR_DATA_PTR(array), count * sizeof(Oid));
    qsort(list.oids, count, sizeof(Oid), in_order);
    for (int i = 0; i < count; i++)
        if (list.count == 0 || list.oids[list.count - 1] != list.oids[i])
            list.oids[list.count++] = list.oids[i];
    return list;
}

void require_feeds() {
    if (!preloaded())
        ereport(ERROR,
                (errcode(ERRCODE_OBJECT_NOT_IN_PREREQUISITE_STATE),
                 errmsg("changes are captured with ayb_jobs in shared_preload_libraries only"),
                 errhint("Add ayb_jobs to shared_preload_libraries, and restart the server.")));
}

int require_feed(Oid table, const Definition &definition) {
    const int feed = listen_to({MyDatabaseId, table}, definition);
    if (feed < 0)
        ereport(ERROR, (errcode(ERRCODE_CONFIGURATION_LIMIT_EXCEEDED),
                        errmsg("%d tables are listened to already", kMostFeeds),
                        err_generic_string(PG_DIAG_COLUMN_NAME, "relations"),
                        errhint("A table counts for a minute after nobody listens any more.")));
    return feed;
}

} // namespace ayb
