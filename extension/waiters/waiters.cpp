#include "waiters/waiters.hpp"

#include "memory/due_floor.hpp"
#include "pg/clock.hpp"

namespace ayb {

namespace {

constexpr int kNone = -1;
constexpr int kQueues = 64;
constexpr int kMostPasses = 16; // a wake that so many had no use for; the scheduler has the rest

// What a waiter was woken for.
struct Wake {
    Oid role;
    uint64 type;
    int passed;
};

struct Waiter {
    Oid database;
    Latch *latch;
    pid_t pid;
    TimestampTz since;
    char name[kWaiterNameBytes];
    int previous; // in the queue,
    int next;     // or among the free ones
    bool queued;
    pg_atomic_uint32 woken;
    bool for_job; // for the end of this one, or of any, else for jobs that are wanted
    bool any_job;
    core::Uuid job;
    Wake wake;
    Wanted wanted;

    bool may_be_for(Oid role, uint64 type) const {
        return database == MyDatabaseId && wanted.wants(role, type);
    }
};

// Databases may share one.
struct Queue {
    pg_atomic_uint32 length;
    int first;
    int last;
};

struct Waiters {
    Queue queues[kQueues];  // by database, of who waits for any job
    Queue of_jobs[kQueues]; // by the job, of who waits for its end
    Queue of_any_job;
    int free;
    Oid roles[kMostWaiters]; // whose the places are; beside each other, as they are counted
    Waiter places[kMostWaiters];
};

Waiters *g_waiters;
int g_mine = kNone;

Queue *queue_of(Oid database) { return &g_waiters->queues[database % kQueues]; }

Queue *queue_of(const core::Uuid &job) {
    return &g_waiters->of_jobs[job.bytes[sizeof(job.bytes) - 1] % kQueues];
}

Queue *queue_of(const Waiter &waiter) {
    if (waiter.any_job)
        return &g_waiters->of_any_job;
    return waiter.for_job ? queue_of(waiter.job) : queue_of(waiter.database);
}

void init_queue(Queue *queue) {
    pg_atomic_init_u32(&queue->length, 0);
    queue->first = queue->last = kNone;
}

Waiter *place(int number) { return number == kNone ? nullptr : &g_waiters->places[number]; }

// Calls `use()` under the lock: no catalog, no memory, no statement.
template <typename Use> void with_waiters(Use use) {
    LWLockAcquire(lock_of(Locks::waiters), LW_EXCLUSIVE);
    use();
    LWLockRelease(lock_of(Locks::waiters));
}

void put_last(int number) {
    Waiter *waiter = place(number);
    Queue *queue = queue_of(*waiter);
    waiter->previous = queue->last;
    waiter->next = kNone;
    waiter->queued = true;
    if (Waiter *before = place(queue->last))
        before->next = number;
    else
        queue->first = number;
    queue->last = number;
    pg_atomic_fetch_add_u32(&queue->length, 1); // a full barrier: then it looks
}

void take_out(int number) {
    Waiter *waiter = place(number);
    if (!waiter->queued)
        return;
    Queue *queue = queue_of(*waiter);
    Waiter *before = place(waiter->previous);
    Waiter *behind = place(waiter->next);
    (before != nullptr ? before->next : queue->first) = waiter->next;
    (behind != nullptr ? behind->previous : queue->last) = waiter->previous;
    waiter->queued = false;
    pg_atomic_fetch_sub_u32(&queue->length, 1);
}

// Under the lock: calls `visit(number, Waiter &)` for each in a queue, until it says so.
template <typename Visit> void each_in(const Queue &queue, Visit visit) {
    int next;
    for (int here = queue.first; here != kNone; here = next) {
        Waiter &waiter = g_waiters->places[here];
        next = waiter.next;
        if (!visit(here, waiter))
            return;
    }
}

// The same for each who wants the lane.
template <typename Visit> void each_who_wants(Oid role, uint64 type, Visit visit) {
    each_in(*queue_of(MyDatabaseId), [&](int number, Waiter &waiter) {
        return !waiter.may_be_for(role, type) || visit(number, waiter);
    });
}

// Under the lock: calls `visit(role, const Waiter &)` for each who waits, of any database.
template <typename Visit> void each_place(Visit visit) {
    for (int i = 0; i < kMostWaiters; i++)
        if (OidIsValid(g_waiters->roles[i]))
            visit(g_waiters->roles[i], g_waiters->places[i]);
}

void wake_one(int number, Waiter *waiter) {
    take_out(number);
    pg_atomic_write_u32(&waiter->woken, 1);
    SetLatch(waiter->latch);
}

void wake_all_in(const Queue &queue) {
    each_in(queue, [&](int number, Waiter &waiter) {
        if (waiter.database == MyDatabaseId)
            wake_one(number, &waiter);
        return true;
    });
}

int hand_out(const Wake &wake, int jobs) {
    int woken = 0;
    if (jobs > 0)
        each_who_wants(wake.role, wake.type, [&](int number, Waiter &waiter) {
            waiter.wake = wake;
            wake_one(number, &waiter);
            return ++woken < jobs;
        });
    return woken;
}

// The wake of this process goes to another one.
void pass_on() {
    Waiter *mine = place(g_mine);
    if (mine->for_job || pg_atomic_read_u32(&mine->woken) == 0)
        return;
    Wake wake = mine->wake;
    pg_atomic_write_u32(&mine->woken, 0);
    if (++wake.passed <= kMostPasses)
        hand_out(wake, 1);
}

// Who was woken has had its turn. Who looks again for another reason keeps its place: when it gets
// to that is chance.
void stay_or_enter() {
    Waiter *mine = place(g_mine);
    pg_atomic_write_u32(&mine->woken, 0);
    if (!mine->queued)
        put_last(g_mine);
}

Entry take_place(Oid role) {
    int of_role = 0;
    for (const Oid owner : g_waiters->roles)
        of_role += owner == role ? 1 : 0;
    if (of_role >= kMostWaitersOfRole)
        return Entry::role_full;
    if (g_waiters->free == kNone)
        return Entry::full;
    g_mine = g_waiters->free;
    g_waiters->free = place(g_mine)->next;
    g_waiters->roles[g_mine] = role;
    return Entry::done;
}

void give_back() {
    g_waiters->roles[g_mine] = InvalidOid;
    place(g_mine)->next = g_waiters->free;
    g_waiters->free = g_mine;
    g_mine = kNone;
}

// A place that is filled by `fill(Waiter *)`.
template <typename Fill> Entry enter(Oid role, Fill fill) {
    Entry entry = Entry::done;
    const TimestampTz now = GetCurrentTimestamp();
    with_waiters([&] {
        entry = take_place(role);
        if (entry != Entry::done)
            return;
        Waiter *mine = place(g_mine);
        mine->database = MyDatabaseId;
        mine->latch = MyLatch;
        mine->for_job = mine->any_job = false;
        mine->pid = MyProcPid;
        mine->since = now;
        fill(mine);
        pg_atomic_write_u32(&mine->woken, 0);
        put_last(g_mine);
    });
    return entry;
}

} // namespace

void Wanted::add_type(const char *type, bool everybody) {
    if (type_count == kMostWanted) {
        all_types = all_roles = too_many = true;
        return;
    }
    of_everybody |= everybody ? 1U << type_count : 0;
    types[type_count++] = hash_of_type(type);
}

void Wanted::add_role(Oid role) {
    if (role_count < kMostWanted)
        roles[role_count++] = role;
    else
        all_roles = too_many = true;
}

bool Wanted::wants(Oid role, uint64 type) const {
    bool wanted = all_types;
    bool everybody = all_roles;
    for (int i = 0; i < type_count && !(wanted && everybody); i++)
        if (types[i] == type) {
            wanted = true;
            everybody = everybody || (of_everybody >> i & 1) != 0;
        }
    for (int i = 0; i < role_count && wanted && !everybody; i++)
        everybody = roles[i] == role;
    return wanted && everybody;
}

Size waiters_size() { return sizeof(Waiters); }

void init_waiters() {
    bool made;
    g_waiters = static_cast<Waiters *>(shared_part("ayb_jobs waiters", sizeof(Waiters), &made));
    if (!made)
        return;
    for (int i = 0; i < kQueues; i++) {
        init_queue(&g_waiters->queues[i]);
        init_queue(&g_waiters->of_jobs[i]);
    }
    init_queue(&g_waiters->of_any_job);
    for (int i = 0; i < kMostWaiters; i++) {
        pg_atomic_init_u32(&g_waiters->places[i].woken, 0);
        g_waiters->places[i].next = i + 1 < kMostWaiters ? i + 1 : kNone;
    }
}

bool any_waiters(Oid database) { return pg_atomic_read_u32(&queue_of(database)->length) != 0; }

Entry enter_waiters(Oid role, const char *name, const Wanted &wanted) {
    return enter(role, [&](Waiter *mine) {
        strlcpy(mine->name, name, sizeof(mine->name));
        mine->wanted = wanted;
    });
}

Entry enter_waiters(Oid role, const core::Uuid &job) {
    return enter(role, [&](Waiter *mine) {
        mine->for_job = true;
        mine->job = job;
    });
}

Entry enter_waiters(Oid role) {
    return enter(role, [&](Waiter *mine) { mine->for_job = mine->any_job = true; });
}

void wait_again(const Wanted &wanted) {
    with_waiters([&] {
        Waiter *mine = place(g_mine);
        if (mine->wanted.too_many)
            pass_on();
        mine->wanted = wanted;
        stay_or_enter();
    });
}

void wait_again() { with_waiters(stay_or_enter); }

bool was_woken() { return pg_atomic_read_u32(&place(g_mine)->woken) != 0; }

void leave_waiters(bool used) {
    if (g_mine == kNone)
        return;
    with_waiters([&] {
        take_out(g_mine);
        if (!used)
            pass_on();
        give_back();
    });
}

int wake_waiters(Oid role, uint64 type, int jobs) {
    int woken = 0;
    with_waiters([&] { woken = hand_out({role, type, 0}, jobs); });
    return woken;
}

int count_waiters(Oid role, uint64 type, int most) {
    int count = 0;
    with_waiters(
        [&] { each_who_wants(role, type, [&](int, const Waiter &) { return ++count < most; }); });
    return count;
}

SeenWaiter *copy_waiters(Oid database, int *count) {
    auto *seen = static_cast<SeenWaiter *>(palloc(kMostWaiters * sizeof(SeenWaiter)));
    *count = 0;
    with_waiters([&] {
        each_place([&](Oid role, const Waiter &waiter) {
            if (waiter.database != database || waiter.for_job)
                return;
            SeenWaiter &copy = seen[(*count)++];
            copy.pid = waiter.pid;
            copy.role = role;
            copy.since = waiter.since;
            strlcpy(copy.name, waiter.name, sizeof(copy.name));
            copy.wanted = waiter.wanted;
        });
    });
    return seen;
}

void touch_waiters(Oid database) {
    with_waiters([&] {
        each_place([&](Oid, const Waiter &waiter) {
            if (waiter.database == database)
                SetLatch(waiter.latch);
        });
    });
}

void tell_ended(const core::Uuid &job) {
    Queue *queue = queue_of(job);
    if (pg_atomic_read_u32(&queue->length) == 0 &&
        pg_atomic_read_u32(&g_waiters->of_any_job.length) == 0)
        return;
    with_waiters([&] {
        each_in(*queue, [&](int number, Waiter &waiter) {
            if (waiter.database == MyDatabaseId && waiter.job == job)
                wake_one(number, &waiter);
            return true;
        });
        wake_all_in(g_waiters->of_any_job);
    });
}

void tell_any_ended() {
    with_waiters([&] {
        for (const Queue &queue : g_waiters->of_jobs)
            wake_all_in(queue);
        wake_all_in(g_waiters->of_any_job);
    });
}

void tell_waiters(Database *database, Oid role, const char *type, TimestampTz first, int jobs) {
    const TimestampTz now = clock_now();
    if (first > now)
        lower_due(database, &database->waits, first);
    else if (wake_waiters(role, hash_of_type(type), jobs) > 0)
        lower_due(database, &database->waits, later(now, kWakeAgain));
}

} // namespace ayb
