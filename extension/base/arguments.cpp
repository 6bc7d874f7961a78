#include "base/arguments.hpp"

#include "lanes/lanes.hpp"
#include "memory/ids.hpp"
#include "memory/my_slot.hpp"
#include "pg/clock.hpp"

namespace ayb {

namespace {

constexpr int64 kEpochShift =
    (static_cast<int64>(POSTGRES_EPOCH_JDATE) - UNIX_EPOCH_JDATE) * USECS_PER_DAY;
constexpr TimestampTz kYear10000 = (static_cast<int64>(5373485) - POSTGRES_EPOCH_JDATE) *
                                   USECS_PER_DAY; // Julian day of 10000-01-01

} // namespace

void refuse_argument(const char *argument, const char *fact, const char *hint) {
    ereport(ERROR, (errcode(ERRCODE_INVALID_PARAMETER_VALUE), errmsg("%s", fact),
                    err_generic_string(PG_DIAG_COLUMN_NAME, argument), errhint("%s", hint)));
    pg_unreachable();
}

const core::Uuid &job_of_handler(const char *what, const char *hint, const char *argument) {
    const core::Uuid *job = my_job();
    if (job == nullptr)
        ereport(ERROR, (errcode(ERRCODE_OBJECT_NOT_IN_PREREQUISITE_STATE),
                        errmsg("%s is for handlers of running jobs", what),
                        argument != nullptr ? err_generic_string(PG_DIAG_COLUMN_NAME, argument) : 0,
                        errhint("%s", hint)));
    return *job;
}

void require_argument(FunctionCallInfo fcinfo, int number, const char *name) {
    if (PG_ARGISNULL(number))
        ereport(ERROR,
                (errcode(ERRCODE_NULL_VALUE_NOT_ALLOWED), errmsg("%s must not be null", name),
                 err_generic_string(PG_DIAG_COLUMN_NAME, name),
                 errhint("ayb_jobs.%s() needs a value.", get_func_name(fcinfo->flinfo->fn_oid))));
}

const char *name_argument(FunctionCallInfo fcinfo, int number, const char *name, const char *hint) {
    require_argument(fcinfo, number, name);
    const text *value = PG_GETARG_TEXT_PP(number);
    const int characters = pg_mbstrlen_with_len(VARDATA_ANY(value), VARSIZE_ANY_EXHDR(value));
    if (characters == 0)
        ereport(ERROR,
                (errcode(ERRCODE_INVALID_PARAMETER_VALUE), errmsg("%s must not be empty", name),
                 err_generic_string(PG_DIAG_COLUMN_NAME, name), errhint("%s", hint)));
    if (characters > kMaxNameCharacters)
        ereport(ERROR, (errcode(ERRCODE_INVALID_PARAMETER_VALUE),
                        errmsg("%s must be at most %d characters long", name, kMaxNameCharacters),
                        err_generic_string(PG_DIAG_COLUMN_NAME, name),
                        errdetail("It has %d.", characters), errhint("%s", hint)));
    return text_to_cstring(value);
}

const char *type_argument(FunctionCallInfo fcinfo, int number, const char *name) {
    return name_argument(fcinfo, number, name,
                         "A type is a short name, such as send_mail; data belongs in the payload.");
}

const char *text_argument(FunctionCallInfo fcinfo, int number) {
    return PG_ARGISNULL(number) ? nullptr : text_to_cstring(PG_GETARG_TEXT_PP(number));
}

core::Uuid id_argument(FunctionCallInfo fcinfo, int number) {
    require_argument(fcinfo, number, "id");
    return uuid_value(PG_GETARG_DATUM(number));
}

Oid role_argument(FunctionCallInfo fcinfo, int number, const char *name) {
    if (PG_NARGS() <= number || PG_ARGISNULL(number))
        return InvalidOid;
    const char *wanted = NameStr(*PG_GETARG_NAME(number));
    const Oid role = get_role_oid(wanted, true);
    if (!OidIsValid(role))
        ereport(ERROR,
                (errcode(ERRCODE_UNDEFINED_OBJECT), errmsg("role \"%s\" does not exist", wanted),
                 err_generic_string(PG_DIAG_COLUMN_NAME, name)));
    return role;
}

Oid required_role_argument(FunctionCallInfo fcinfo, int number, const char *name) {
    require_argument(fcinfo, number, name);
    return role_argument(fcinfo, number, name);
}

void check_json_size(Datum value, const char *what) {
    const Size size = toast_raw_datum_size(value);
    if (size > kMaxPayloadBytes)
        ereport(ERROR, (errcode(ERRCODE_PROGRAM_LIMIT_EXCEEDED), errmsg("%s is too large", what),
                        err_generic_string(PG_DIAG_COLUMN_NAME, what),
                        errdetail("It has %zu bytes; %zu are allowed.", size, kMaxPayloadBytes),
                        errhint("Store the data in a table and pass its key.")));
}

TimestampTz latest_run_at() { return kYear10000 - 1; }

void check_run_at(TimestampTz run_at, const char *argument) {
    if (!TIMESTAMP_NOT_FINITE(run_at) && run_at >= 0 && run_at < kYear10000)
        return;
    const bool instant = strcmp(argument, "run_at") == 0;
    ereport(ERROR,
            (errcode(ERRCODE_DATETIME_VALUE_OUT_OF_RANGE), errmsg("%s is out of range", argument),
             err_generic_string(PG_DIAG_COLUMN_NAME, argument),
             instant ? errdetail("It must lie between the years 2000 and 9999.")
                     : errdetail("The job would run after the year 9999."),
             instant
                 ? errhint("Leave run_at out to run the job as soon as it is committed.")
                 : errhint("Leave it out for the default, or cancel a job that is not to run.")));
}

int max_attempts_argument(FunctionCallInfo fcinfo, int number) {
    if (PG_NARGS() <= number || PG_ARGISNULL(number))
        return 0;
    const int attempts = PG_GETARG_INT32(number);
    if (attempts < 1)
        ereport(ERROR, (errcode(ERRCODE_INVALID_PARAMETER_VALUE),
                        errmsg("max_attempts must be at least 1"),
                        err_generic_string(PG_DIAG_COLUMN_NAME, "max_attempts"),
                        errhint("Leave it out for ayb_jobs.max_attempts.")));
    return attempts;
}

std::optional<int> priority_argument(FunctionCallInfo fcinfo, int number) {
    if (PG_NARGS() <= number || PG_ARGISNULL(number))
        return std::nullopt;
    const int priority = PG_GETARG_INT32(number);
    if (priority < kLeastPriority || priority > kMostPriority)
        ereport(ERROR, (errcode(ERRCODE_INVALID_PARAMETER_VALUE),
                        errmsg("priority must be between %d and %d", kLeastPriority, kMostPriority),
                        err_generic_string(PG_DIAG_COLUMN_NAME, "priority"),
                        errhint("What has the lowest goes first; 0 is plain order.")));
    return priority;
}

int64 duration_argument(FunctionCallInfo fcinfo, int number, const char *name, int64 otherwise_ms) {
    if (PG_ARGISNULL(number))
        return otherwise_ms;
    const int64 milliseconds = interval_milliseconds(PG_GETARG_INTERVAL_P(number));
    if (milliseconds <= 0)
        ereport(ERROR,
                (errcode(ERRCODE_INVALID_PARAMETER_VALUE), errmsg("%s must be positive", name),
                 err_generic_string(PG_DIAG_COLUMN_NAME, name),
                 errhint("The smallest is a millisecond; leave it out for the default.")));
    return milliseconds;
}

int64 delay_argument(FunctionCallInfo fcinfo, int number, const char *name, const char *hint) {
    if (PG_ARGISNULL(number))
        return -1;
    const int64 milliseconds = interval_milliseconds(PG_GETARG_INTERVAL_P(number));
    if (milliseconds < 0)
        ereport(ERROR,
                (errcode(ERRCODE_INVALID_PARAMETER_VALUE), errmsg("%s must not be negative", name),
                 err_generic_string(PG_DIAG_COLUMN_NAME, name), errhint("%s", hint)));
    return milliseconds;
}

TimestampTz due_argument(FunctionCallInfo fcinfo, int run_at, int delay, TimestampTz now) {
    const int64 delay_ms =
        delay_argument(fcinfo, delay, "delay", "A job that is due at once needs none.");
    const bool named = !PG_ARGISNULL(run_at);
    if (named && delay_ms >= 0)
        ereport(ERROR, (errcode(ERRCODE_INVALID_PARAMETER_VALUE),
                        errmsg("run_at and delay can't both be given"),
                        err_generic_string(PG_DIAG_COLUMN_NAME, "delay"),
                        errhint("delay counts from now on.")));
    TimestampTz due = named ? PG_GETARG_TIMESTAMPTZ(run_at) : now;
    if (delay_ms > 0)
        due = later(now, delay_ms * kMicrosecondsPerMillisecond);
    check_run_at(due, delay_ms > 0 ? "delay" : "run_at");
    return due;
}

Snooze snooze_arguments(FunctionCallInfo fcinfo, int delay, int payload, TimestampTz now) {
    require_argument(fcinfo, delay, "delay");
    const int64 delay_ms =
        delay_argument(fcinfo, delay, "delay", "A job that goes on at once needs none.");
    check_run_at(later(now, delay_ms * kMicrosecondsPerMillisecond), "delay");
    if (PG_ARGISNULL(payload))
        return {delay_ms, 0};
    check_json_size(PG_GETARG_DATUM(payload), "payload");
    return {delay_ms, PG_GETARG_DATUM(payload)};
}

void write_uuid(const core::Uuid &id, char *text) {
    constexpr char kDigits[] = "0123456789abcdef";
    for (size_t i = 0; i < sizeof(id.bytes); i++) {
        if (i == 4 || i == 6 || i == 8 || i == 10)
            *text++ = '-';
        *text++ = kDigits[id.bytes[i] >> 4];
        *text++ = kDigits[id.bytes[i] & 15];
    }
    *text = '\0';
}

const char *uuid_text(const core::Uuid &id) {
    char *text = static_cast<char *>(palloc(kUuidCharacters + 1));
    write_uuid(id, text);
    return text;
}

core::Uuid new_job_id(TimestampTz at) {
    // Asking for many at once costs hardly more than for those of one id.
    static uint8_t random[32][8];
    static int left = 0;
    if (left == 0) {
        if (!pg_strong_random(random, sizeof(random)))
            ereport(ERROR,
                    (errcode(ERRCODE_INTERNAL_ERROR), errmsg("could not generate random values")));
        left = lengthof(random);
    }
    return core::make_uuid7(id_sequence(), at + kEpochShift, random[--left]);
}

TimestampTz made_at(const core::Uuid &id) {
    const int64_t milliseconds = core::uuid7_milliseconds(id);
    return milliseconds < 0 ? DT_NOBEGIN : milliseconds * kMicrosecondsPerMillisecond - kEpochShift;
}

} // namespace ayb

AYB_SQL_FUNCTION(ayb_jobs_uuid7) {
    PG_RETURN_DATUM(ayb::uuid_datum(ayb::new_job_id(ayb::clock_now())));
}

AYB_SQL_FUNCTION(ayb_jobs_now) { PG_RETURN_TIMESTAMPTZ(ayb::clock_now()); }
