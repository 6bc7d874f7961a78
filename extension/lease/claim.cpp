#include "lease/claim.hpp"

#include "base/arguments.hpp"
#include "base/columns.hpp"
#include "handlers/bond.hpp"
#include "handlers/judge.hpp"
#include "hooks/signals.hpp"
#include "jobs/lane_scan.hpp"
#include "jobs/line.hpp"
#include "jobs/taking.hpp"
#include "memory/configuration.hpp"
#include "memory/databases.hpp"
#include "memory/my_slot.hpp"
#include "pg/arrays.hpp"
#include "pg/clock.hpp"
#include "pg/roles.hpp"
#include "records/type_stats.hpp"

namespace ayb {

namespace {

constexpr int kKeysAtOnce = 4; // that are looked at for one job

// Jobs that run long keep at most half of the workers while quick ones are due.
bool slow_jobs_have_their_share() {
    const TimestampTz now = clock_now();
    int slow = 0;
    each_slot([&](const WorkerSlot &slot) {
        if (slot.serves(MyDatabaseId) && slot.has_job &&
            static_cast<double>(now - slot.job_since) > kSlow)
            slow++;
    });
    return slow > 0 && slow >= settings::worker_concurrency / 2;
}

void take_row(Oid role, MemoryContext context, TimestampTz now, Job *job) {
    Datum payload = 0;
    read_row(0, &job->id, &job->type, &payload, &job->attempt, &job->max_attempts, &job->run,
             &job->run_at);
    MemoryContext before = MemoryContextSwitchTo(context);
    job->payload = PointerGetDatum(PG_DETOAST_DATUM_COPY(payload));
    MemoryContextSwitchTo(before);
    job->run_as = role;
    job->started_at = now;
}

// A job whose row is locked.
struct Locked {
    core::Uuid id;
    std::optional<Bond> bond;
};

bool take(Oid role, const Locked &locked, TimestampTz now, MemoryContext context, Job *job) {
    char worker[kWorkerIdBytes];
    session_name(worker);
    job->bond = locked.bond;
    const Datum ids[] = {uuid_datum(locked.id)};
    const UuidArray array(uuid_array(ids, 1));
    const Taker taker{worker, std::nullopt, now,
                      later(now, settings::lease_duration * kMicrosecondsPerSecond)};
    return in_books([&] {
        if (take_rows(array, taker) == 0)
            return false;
        take_row(role, context, now, job);
        return true;
    });
}

// The role may have been dropped, or lost LOGIN or CONNECT, since this session began: a session of
// its own would go on, but no new one could start. The worker leaves; the scheduler, which can't
// replace it, says why if there is anything to do.
bool may_go_on(Oid role) {
    if (why_no_login(role) == nullptr)
        return true;
    ask_to_leave(*my_slot());
    return false;
}

// What a look has come to: `left` has had jobs wait for trust, and behind them may be others.
enum class Claimed { none, left, job };

// Locks the first row of the picked lanes that nobody has locked.
Claimed lock_first(const Picks &picks, TimestampTz now, Locked *locked) {
    Line line = open_line(picks, now, true);
    bool found = false;
    while (!found && next_in_line(&line))
        found = take_in_line(&line);
    if (found)
        *locked = {line.here->at.id, bond_of(line.here->rows.row)};
    const bool left = settle_left(line);
    if (!found && !left)
        hold_line(line, later(now, settings::poll_interval * kMicrosecondsPerMillisecond));
    close_line(&line);
    return found ? Claimed::job : left ? Claimed::left : Claimed::none;
}

// What was enqueued after a type was paused, or given to workers outside, isn't taken for ours: who
// sees the job also sees that the configuration has changed.
bool are_current(const Picks &picks) { return picks.generation == configuration_generation(); }

Claimed claim_first(Oid role, const Picks &picks, MemoryContext context, Job *job) {
    const TimestampTz now = clock_now();
    Locked locked;
    if (picks.count == 0 || !may_claim(role) || !are_current(picks))
        return Claimed::none;
    const Claimed claimed = lock_first(picks, now, &locked);
    if (claimed != Claimed::job)
        return claimed;
    return take(role, locked, now, context, job) ? Claimed::job : Claimed::none;
}

// An attempt after the first has to be on the disk before its handler starts.
bool flushed(bool found, const Job &job) {
    if (found && job.attempt > 1)
        ForceSyncCommit();
    return found;
}

// Looks in a transaction, and in another one as long as what was met is left.
template <typename Look> bool claim_by(const Look &look, const Job &job) {
    Claimed claimed;
    do {
        claimed = in_transaction([&] {
            const Claimed found = look();
            flushed(found == Claimed::job, job);
            return found;
        });
    } while (claimed == Claimed::left);
    return claimed == Claimed::job;
}

bool claim_picked(Oid role, const Picks &picks, MemoryContext context, Job *job) {
    if (picks.count == 0)
        return false;
    return claim_by([&] { return claim_first(role, picks, context, job); }, *job);
}

// Of the types that have no lane.
bool claim_homeless(Oid role, LanePick *lanes, MemoryContext context, Job *job) {
    const TimeMark mark = mark_rest({MyDatabaseId, role});
    if (mark.at > clock_now())
        return false;
    return claim_by(
        [&] { return claim_first(role, homeless_lanes(role, mark, lanes), context, job); }, *job);
}

const char *type_of(TupleTableSlot *row) {
    bool null;
    return TextDatumGetCString(slot_getattr(row, kType, &null));
}

bool is_due(TupleTableSlot *row, Oid role, TimestampTz now) {
    bool null;
    const char *type = type_of(row);
    return state_value(slot_getattr(row, kState, &null)) == State::queued &&
           slot_attisnull(row, kWaitsFor) &&
           DatumGetObjectId(slot_getattr(row, kRunAs, &null)) == role &&
           DatumGetTimestampTz(slot_getattr(row, kRunAt, &null)) <= now &&
           server_of(type, role) == Server::ours && is_carried(row, type, role);
}

// Locks this job, if it may be claimed and nobody has it.
bool lock_job(Oid role, const core::Uuid &id, TimestampTz now, Locked *locked) {
    RawRange rows;
    if (!open_range(&rows, "job_queue", "job_queue_pkey"))
        return false;
    bound_range(&rows, 1, BTEqualStrategyNumber, F_UUID_EQ, uuid_datum(id));
    begin_range(&rows);
    const bool found =
        next_in_range(&rows) && is_due(rows.row, role, now) && lock_in_range(&rows) &&
        reserve_next_run({role, type_of(rows.row), rows.row, false, nullptr}) == Lack::nothing;
    if (found)
        *locked = {id, bond_of(rows.row)};
    close_range(&rows);
    return found;
}

} // namespace

bool should_leave() { return stop_requested() || my_slot()->leave; }

bool draining() {
    Database *database = find_database(MyDatabaseId);
    return database == nullptr || pg_atomic_read_u32(&database->draining) != 0;
}

bool may_claim(Oid role) { return !all_paused() && !draining() && may_go_on(role); }

bool claim_next(Oid role, MemoryContext context, Job *job) {
    static LanePick lanes[kMostPicks];
    const bool quick_only = slow_jobs_have_their_share();
    return claim_picked(role, pick_served(role, quick_only, kKeysAtOnce, lanes), context, job) ||
           (quick_only &&
            claim_picked(role, pick_served(role, false, kKeysAtOnce, lanes), context, job)) ||
           claim_homeless(role, lanes, context, job);
}

bool claim_job(Oid role, const core::Uuid &id, MemoryContext context, Job *job) {
    return in_transaction([&] {
        const TimestampTz now = clock_now();
        Locked locked;
        return flushed(may_claim(role) && lock_job(role, id, now, &locked) &&
                           take(role, locked, now, context, job),
                       *job);
    });
}

bool anything_due(Oid role) {
    static LanePick lanes[kMostPicks];
    bool due = false;
    Picks picks = pick_served(role, false, kKeysAtOnce, lanes);
    while (!due && picks.count > 0) {
        due = in_transaction([&] {
            Line line = open_line(picks, clock_now(), true);
            const bool found = next_in_line(&line);
            close_line(&line);
            return found;
        });
        if (!due)
            picks = pick_served(role, false, kKeysAtOnce, lanes);
    }
    return due || mark_rest({MyDatabaseId, role}).at <= clock_now();
}

} // namespace ayb
