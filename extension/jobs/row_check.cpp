#include "jobs/row_check.hpp"

#include "base/arguments.hpp"
#include "base/columns.hpp"
#include "lanes/lanes.hpp"
#include "memory/state.hpp"
#include "pg/clock.hpp"

namespace ayb {

namespace {

[[noreturn]] void refuse(const char *fact, const char *hint) {
    ereport(ERROR, (errcode(ERRCODE_CHECK_VIOLATION), errmsg("%s", fact), errhint("%s", hint)));
    pg_unreachable();
}

void check_type(const Values &row) {
    if (row.null(kType))
        return;
    const text *type = DatumGetTextPP(row[kType]);
    const int characters = pg_mbstrlen_with_len(VARDATA_ANY(type), VARSIZE_ANY_EXHDR(type));
    if (characters == 0 || characters > kMaxNameCharacters)
        refuse(psprintf("type must be of 1 to %d characters", kMaxNameCharacters),
               "A type is a short name, such as send_mail; data belongs in the payload.");
}

void check_holder(const Values &row) {
    if (row.null(kState))
        return;
    const bool running = state_value(row[kState]) == State::running;
    if (running == row.null(kLeaseUntil))
        refuse("a running job has a lease, and no other job has one",
               "lease_until is until when its worker may keep it.");
    if (running && row.null(kWorkerId))
        refuse("a running job has a worker", "worker_id says which.");
}

// Of a running job it says who holds it: a queued one nobody would ever take.
void check_waits_for(const Values &row) {
    WaitsFor waits_for;
    if (row.null(kWaitsFor))
        return;
    const char *word = TextDatumGetCString(row[kWaitsFor]);
    if (!core::find_word(word, &waits_for))
        refuse(psprintf("a job can't wait for \"%s\"", word), "NULL is for what may be taken.");
    if (waits_for == WaitsFor::external && !row.null(kState) &&
        state_value(row[kState]) == State::queued)
        refuse("a queued job is held by nobody",
               "Leave waits_for NULL: its type's handler says who takes it.");
    if (waits_for == WaitsFor::trust && row.null(kRegistration))
        refuse("a job that is bound to no registration can't wait for trust",
               "Leave waits_for NULL: whether its role trusts the handler is looked up.");
}

// InvalidOid is the role of what belonged to a role that is gone: nobody could log in as it.
void check_role(const Values &row) {
    if (row.null(kRunAs) || OidIsValid(DatumGetObjectId(row[kRunAs])) || row.null(kState))
        return;
    const auto state = state_value(row[kState]);
    if (state == State::queued || state == State::running)
        refuse("a job of no role can't run", "run_as is the role as which it runs.");
}

void check_priority(const Values &row) {
    if (row.null(kPriority))
        return;
    const int16 priority = DatumGetInt16(row[kPriority]);
    if (priority < kLeastPriority || priority > kMostPriority)
        refuse(psprintf("priority must be between %d and %d", kLeastPriority, kMostPriority),
               "What has the lowest goes first; 0 is what a job has by itself.");
}

void check_number(const Values &row, QueueColumn column, const char *name, int least,
                  const char *hint) {
    if (!row.null(column) && DatumGetInt32(row[column]) < least)
        refuse(psprintf("%s must be at least %d", name, least), hint);
}

void check_numbers(const Values &row) {
    check_number(row, kRuns, "runs", 0, "It counts how often the job was claimed.");
    check_number(row, kAttempts, "attempts", 0, "It counts those that are charged.");
    check_number(row, kMaxAttempts, "max_attempts", 1, "A job is tried once, at least.");
}

void check_bytes(const Values &row, QueueColumn column, const char *name, Size least) {
    if (row.null(column))
        return;
    const Size bytes = toast_raw_datum_size(row[column]) - VARHDRSZ;
    if (bytes < least || bytes > kMaxKeyBytes)
        refuse(psprintf("%s must be of %zu to %d bytes", name, least, kMaxKeyBytes),
               "Pass NULL for a job without one, and a hash of what is longer.");
}

void check_meta(const Values &row) {
    if (row.null(kMeta))
        return;
    if (toast_raw_datum_size(row[kMeta]) > kMaxMetaBytes)
        refuse(psprintf("meta must be at most %zu bytes long", kMaxMetaBytes),
               "The payload may be larger.");
    if (!JB_ROOT_IS_OBJECT(DatumGetJsonbP(row[kMeta])))
        refuse("meta must be a JSON object", "It takes {\"name\": value, ...}.");
}

} // namespace

bool waits_for_time(bool keyed, TimestampTz run_at) { return keyed && run_at > clock_now(); }

void check_row(const Values &row) {
    check_type(row);
    check_holder(row);
    check_waits_for(row);
    check_role(row);
    check_priority(row);
    check_numbers(row);
    check_bytes(row, kPartitionKey, "partition_key", 1);
    check_bytes(row, kUniqueKey, "unique_key", 1);
    check_bytes(row, kIdempotencyKey, "idempotency_key", 0);
    check_bytes(row, kWorkerId, "worker_id", 0);
    check_meta(row);
}

} // namespace ayb
