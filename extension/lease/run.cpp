#include "lease/run.hpp"

#include "base/arguments.hpp"
#include "handlers/call.hpp"
#include "handlers/command.hpp"
#include "handlers/handlers.hpp"
#include "handlers/judge.hpp"
#include "hooks/signals.hpp"
#include "inside/log.hpp"
#include "inside/result.hpp"
#include "inside/snooze.hpp"
#include "jobs/finish.hpp"
#include "jobs/history.hpp"
#include "lanes/picks.hpp"
#include "memory/my_slot.hpp"
#include "pg/books.hpp"
#include "pg/clock.hpp"
#include "pg/session.hpp"
#include "pg/text.hpp"
#include "records/type_stats.hpp"
#include "timers/job_timer.hpp"

namespace ayb {

namespace {

constexpr int64 kCompletionRetry = kMicrosecondsPerSecond;
constexpr int64 kDayRetry = 10 * kMicrosecondsPerSecond;

// Set when the completion found that the job is somebody else's by now.
bool g_lease_lost;

// The completion is being written: what it meets is no fault of the job's.
bool g_completing;

// The role doesn't trust the handler, or may not run it, any more, or who enqueued a definer's job
// may not: the job waits until that has changed.
bool g_distrusted;

// How long the function took; negative for what is no function.
int64 g_handler_us;

[[noreturn]] void report_lost_lease(const Job &job) {
    g_lease_lost = true;
    ereport(ERROR, (errcode(ERRCODE_OBJECT_NOT_IN_PREREQUISITE_STATE),
                    errmsg("job %s was taken away from this worker", uuid_text(job.id))));
    pg_unreachable();
}

// In the current memory context.
Datum whole_log() {
    Size bytes = 0;
    return said_log(CurrentMemoryContext, &bytes);
}

// Has the job wait for its next step. What was charged before is forgiven: as the charge was on
// the disk before its handler started, this has to be.
bool put_off_step(const Job &job, const char *worker, const Snooze &snooze) {
    if (job.attempt > 1)
        ForceSyncCommit();
    return snooze_job(job.id, worker, job.run, snooze, whole_log(), clock_now());
}

// Whether the job was still this worker's.
bool end_well(const Job &job, const char *worker, const HandlerResult &result) {
    if (const auto snooze = said_snooze())
        return put_off_step(job, worker, *snooze);
    const HandlerResult end{result.value, result.null, whole_log()};
    return complete_job(job.id, job.type, worker, job.run, end, clock_now());
}

// Completes the job, or has it snooze, in the current transaction. Cancels wait: they are for the
// handler. The role is itself again before the commit, which may run its deferred triggers.
void complete_here(const Job &job, const HandlerResult &result) {
    char worker[kWorkerIdBytes];
    session_name(worker);
    hold_cancels();
    g_completing = true; // stays so if an error leaves from here
    in_books([&] {
        if (!end_well(job, worker, result))
            report_lost_lease(job);
    });
    g_completing = false;
    release_cancels();
}

// What a transaction of the engine's own begins with. A command or a procedure may have set
// something else, and only the end of the job resets that.
void set_plain() {
    XactReadOnly = false;
    XactIsoLevel = XACT_READ_COMMITTED;
}

bool runs_inside(const Handler *handler) {
    return handler != nullptr && handler->kind != Kind::external;
}

[[noreturn]] void report_no_handler(const Job &job) {
    ereport(ERROR, (errcode(ERRCODE_UNDEFINED_OBJECT),
                    errmsg("no handler is registered for type \"%s\"", job.type),
                    errhint("Register one with ayb_jobs.register_handler().")));
    pg_unreachable();
}

// The handler's effects and the completion, in one transaction. Its commit, with the triggers that
// wait for it, is part of the handler's time.
void run_function(const Job &job, const Handler &handler, Oid function) {
    Callable callable;
    prepare_call(handler, function, CurrentMemoryContext, &callable);
    start_job_timer(time_limit(handler));
    const TimestampTz start = GetCurrentTimestamp();
    const HandlerResult result = call(&callable, job.payload);
    g_handler_us = GetCurrentTimestamp() - start;
    complete_here(job, result);
}

// What the built-in type `command` runs: whoever ordered the job may act as its role.
const char *command_of(const Job &job) {
    JsonbValue value;
    Jsonb *payload = DatumGetJsonbP(job.payload);
    const bool found =
        JB_ROOT_IS_OBJECT(payload) &&
        getKeyJsonValueFromContainer(&payload->root, "command", 7, &value) != nullptr &&
        value.type == jbvString;
    if (!found)
        ereport(ERROR,
                (errcode(ERRCODE_INVALID_PARAMETER_VALUE), errmsg("the payload has no command"),
                 err_generic_string(PG_DIAG_COLUMN_NAME, "payload"),
                 errhint("It takes {\"command\": \"VACUUM orders\"}.")));
    return pnstrdup(value.val.string.val, value.val.string.len);
}

// The result that the command's procedure set, or else the command's tag.
HandlerResult command_result(const char *tag) {
    HandlerResult result{};
    result.value = taken_result();
    if (result.value == 0)
        result.value = DirectFunctionCall1(jsonb_in, CStringGetDatum(psprintf("\"%s\"", tag)));
    return result;
}

// The statement in transactions of its own, then the completion in another: at least once.
void run_command(const Job &job, const char *sql, int64 limit, MemoryContext memory) {
    forget_result();
    start_job_timer(limit);
    const char *tag = run_top_level(sql, memory);
    stop_job_timer();
    in_transaction([&] { complete_here(job, command_result(tag)); }, set_plain);
}

// A command that is to be run; null where the job was run as a function.
struct Command {
    const char *sql;
    int64 limit;
};

void check_trust(const Handler &handler, Doubt doubt, Oid role) {
    g_distrusted = doubt != Doubt::none;
    if (g_distrusted)
        refuse_doubt(handler, doubt, role);
}

// In a transaction, which is all there is of a function's job.
Command run_or_prepare(const Job &job, MemoryContext memory) {
    const Handler *handler = find_handler(job.type);
    if (!runs_inside(handler))
        report_no_handler(job);
    const Code code = code_of(*handler, GetUserId());
    check_trust(*handler, code.doubt, GetUserId());
    if (job.bond)
        check_trust(*handler, doubt_of_bond(handler, *job.bond, job.run_as), job.bond->enqueued_by);
    if (handler->kind == Kind::function) {
        const Handler copy = *handler; // the job may register another one
        run_function(job, copy, code.function);
        return Command{};
    }
    const char *sql = handler->command != nullptr ? handler->command : command_of(job);
    return Command{MemoryContextStrdup(memory, sql), time_limit(*handler)};
}

void run_handler(const Job &job, MemoryContext memory) {
    ensure_day(clock_now());
    SetCurrentStatementStartTimestamp(); // the handler's now()
    const Command command = in_transaction([&] { return run_or_prepare(job, memory); });
    if (command.sql == nullptr)
        stop_job_timer();
    else
        run_command(job, command.sql, command.limit, memory);
}

// A deadlock, a lock, a full disk or memory, the system: met by the engine's own statement. What
// somebody's trigger on the books raises is of other classes.
bool is_of_the_engine(const char *sqlstate) {
    return g_completing && (strncmp(sqlstate, "40", 2) == 0 || strncmp(sqlstate, "53", 2) == 0 ||
                            strncmp(sqlstate, "58", 2) == 0 || strncmp(sqlstate, "XX", 2) == 0 ||
                            strcmp(sqlstate, "55P03") == 0);
}

Verdict judge(const char *sqlstate) {
    if (g_lease_lost)
        return Verdict::lost;
    if (g_distrusted || day_is_missing() || is_of_the_engine(sqlstate))
        return Verdict::put_back;
    if (strcmp(sqlstate, "57014") != 0 || job_timed_out())
        return Verdict::failed;
    if (stop_struck() || my_slot()->put_back)
        return Verdict::put_back;
    if (cancel_was_meant())
        return Verdict::canceled;
    // One that was sent for the job before this one must not count.
    return cancel_was_sent() ? Verdict::put_back : Verdict::failed;
}

void read_error(const ErrorData &error, Failure *failure) {
    set_failure(failure, error);
    if (job_timed_out() && error.sqlerrcode == ERRCODE_QUERY_CANCELED) {
        set_failure(failure, "57014",
                    psprintf("the job ran longer than its timeout of " INT64_FORMAT " ms",
                             job_time_limit()));
    }
}

// After an error: everything of the handler's is rolled back, and the error kept in `memory`.
Verdict recover_from_error(const Job &job, MemoryContext memory, Failure *failure) {
    hold_cancels(); // a second one would leave by the error that is being handled
    stop_job_timer();
    MemoryContextSwitchTo(memory);
    ErrorData *error = CopyErrorData();
    FlushErrorState();
    AbortCurrentTransaction();
    PortalErrorCleanup();
    MemoryContextSwitchTo(memory);
    read_error(*error, failure);
    const Verdict verdict = judge(failure->sqlstate);
    if (day_is_missing())
        ereport(LOG, (errcode(error->sqlerrcode),
                      errmsg("job %s (%s) waits until a table can be made for the history of the "
                             "day: %s",
                             uuid_text(job.id), job.type, failure->message)));
    else if (g_distrusted)
        ereport(LOG, (errcode(error->sqlerrcode),
                      errmsg("job %s (%s) waits, uncharged: %s", uuid_text(job.id), job.type,
                             failure->message)));
    else if (is_of_the_engine(failure->sqlstate))
        ereport(LOG, (errcode(error->sqlerrcode),
                      errmsg("job %s (%s) could not be completed and runs again, uncharged: %s",
                             uuid_text(job.id), job.type, failure->message)));
    if (verdict == Verdict::failed)
        ereport(LOG, (errcode(error->sqlerrcode),
                      errmsg("attempt %d of job %s (%s) failed: %s", job.attempt, uuid_text(job.id),
                             job.type, failure->message),
                      error->context != nullptr ? errdetail_log("%s", error->context) : 0));
    release_cancels();
    return verdict;
}

Verdict attempt(const Job &job, MemoryContext memory, Failure *failure) {
    volatile Verdict verdict = Verdict::completed;
    g_lease_lost = false;
    g_completing = false;
    g_distrusted = false;
    g_handler_us = -1;
    forget_snooze();
    forget_log();
    PG_TRY();
    { run_handler(job, memory); }
    PG_CATCH();
    { verdict = recover_from_error(job, memory, failure); }
    PG_END_TRY();
    return verdict;
}

// When a job that goes back may run again, if not at once.
std::optional<TimestampTz> put_off(TimestampTz now) {
    if (day_is_missing())
        return later(now, kDayRetry);
    if (g_completing)
        return later(now, kCompletionRetry);
    return std::nullopt;
}

// Writes the verdict into the books, unless the job is somebody else's by now.
void record(const Job &job, Verdict verdict, Failure *failure, bool *failed) {
    char worker[kWorkerIdBytes];
    session_name(worker);
    const TimestampTz now = clock_now();
    const auto retry_at = gives_up(*failure)
                              ? std::nullopt
                              : std::make_optional(retry_time(job.type, job.attempt, now));
    const bool orphan = verdict == Verdict::failed && !runs_inside(find_handler(job.type));
    in_books([&] {
        failure->log = whole_log();
        // Unregistered since, or for workers outside by now: the job goes there, uncharged.
        if (verdict == Verdict::canceled)
            cancel_job(job.id, worker, job.run, now, failure->log);
        else if (verdict == Verdict::put_back || orphan)
            put_back_job(job.id, worker, job.run, now, put_off(now));
        else
            fail_job(job.id, worker, job.run, *failure, error_text(*failure), "failed", retry_at,
                     now, failed);
    });
}

void record_in_transaction(const Job &job, Verdict verdict, Failure *failure, bool *failed) {
    hold_cancels();
    in_transaction([&] { record(job, verdict, failure, failed); }, set_plain);
    release_cancels();
}

void count_outcome(const Job &job, Verdict verdict, bool failed) {
    const int64 wait = job.started_at - job.run_at;
    const int64 run = clock_now() - job.started_at;
    Outcome outcome = said_snooze() ? Outcome::snoozed : Outcome::completed;
    if (verdict == Verdict::failed)
        outcome = failed ? Outcome::failed : Outcome::retried;
    else if (verdict == Verdict::canceled)
        outcome = Outcome::canceled;
    else if (verdict != Verdict::completed)
        return;
    if (add_outcome(MyDatabaseId, job.run_as, job.type, outcome,
                    job.attempt == 1 ? Max(wait, 0) : -1, run,
                    verdict == Verdict::completed ? g_handler_us : -1))
        note_slow({MyDatabaseId, job.run_as}, job.type,
                  run_average(MyDatabaseId, job.run_as, job.type) > kSlow);
}

} // namespace

void show_activity(const char *type, const core::Uuid &id) {
    constexpr char kBegin[] = "ayb_jobs: ";
    constexpr Size kBytes = sizeof(kBegin) - 1;
    char text[kBytes + kTypeBytes + kUuidCharacters + 2];
    memcpy(text, kBegin, kBytes);
    const Size type_bytes = strlcpy(text + kBytes, type, kTypeBytes);
    text[kBytes + type_bytes] = ' ';
    write_uuid(id, text + kBytes + type_bytes + 1);
    pgstat_report_activity(STATE_RUNNING, text);
}

void run_job(const Job &job, MemoryContext memory) {
    MemoryContext before = MemoryContextSwitchTo(memory);
    auto *failure = static_cast<Failure *>(palloc0(sizeof(Failure)));
    show_activity(job.type, job.id);
    begin_job(job.id, job.run, job.type, clock_now());
    const Verdict verdict = attempt(job, memory, failure);
    clear_interrupts();
    bool failed = false;
    if (g_distrusted)
        in_transaction([&] { judge_anew(job.run_as); }, set_plain);
    if (verdict != Verdict::completed && verdict != Verdict::lost)
        record_in_transaction(job, verdict, failure, &failed);
    count_outcome(job, verdict, failed);
    end_job(verdict == Verdict::canceled || verdict == Verdict::put_back);
    hold_cancels();
    reset_session();
    release_cancels();
    MemoryContextSwitchTo(before);
}

} // namespace ayb
