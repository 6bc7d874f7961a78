#include "pg/postgres.hpp"
#include "flows/judge.hpp"

#include <algorithm>

#include "base/arguments.hpp"
#include "hooks/kin.hpp"
#include "pg/arrays.hpp"
#include "pg/clock.hpp"
#include "pg/sql.hpp"

namespace ayb {

namespace {

#define AYB_STATE_OF(id) "(SELECT p.state FROM ayb_jobs.job_queue AS p WHERE p.id = " id " LIMIT 1)"
#define AYB_DELETED(id)                                                                            \
    "coalesce((SELECT o.state = 'deleted' FROM ayb_jobs.job_outcomes AS o WHERE o.job_id = " id    \
    "), false)"
// A parent that is still to come.
#define AYB_OPEN(state, edge)                                                                      \
    state " = ANY (CASE " edge ".on_parent_failure WHEN 'wait'"                                    \
          " THEN '{queued,running,failed}'::text[] ELSE '{queued,running}' END)"
// A parent by which a child is canceled. One that is gone and wasn't deleted has completed.
#define AYB_BAD(state, id, policy)                                                                 \
    "(" policy " <> 'run' AND CASE coalesce(" state ", '') WHEN 'canceled' THEN true"              \
    " WHEN 'failed' THEN " policy " = 'cancel' WHEN '' THEN " AYB_DELETED(id) " ELSE false END)"

// Who watches one of these; whom one of these concerns that has ended otherwise, whatever is
// watched; and the same of the flow in which it was.
Sql<UuidArray> g_children{R"sql(
    SELECT e.child FROM ayb_jobs.job_edges AS e
    WHERE e.parent = ANY ($1) AND (e.watched OR coalesce()sql" AYB_STATE_OF(
    "e.parent") R"sql( IN ('failed', 'canceled'), false) OR )sql" AYB_DELETED("e.parent") R"sql()
    UNION
    SELECT e.child FROM ayb_jobs.job_queue AS p JOIN ayb_jobs.job_edges AS e ON e.flow = p.flow
    WHERE p.id = ANY ($1) AND p.state IN ('failed', 'canceled') AND p.flow IS NOT NULL
    UNION
    SELECT e.child FROM ayb_jobs.job_outcomes AS o JOIN ayb_jobs.job_edges AS e ON e.flow = o.flow
    WHERE o.job_id = ANY ($1) AND o.state = 'deleted' AND o.flow IS NOT NULL
    UNION
    SELECT q.id FROM ayb_jobs.job_queue AS q
    WHERE q.id = ANY ($1) AND q.state = 'queued' AND q.waits_for = 'jobs'
)sql"};
#define AYB_WAITS "q.id = ANY ($1) AND q.state = 'queued' AND q.waits_for = 'jobs'"
Sql<UuidArray> g_lock{"SELECT q.id FROM ayb_jobs.job_queue AS q WHERE " AYB_WAITS
                      " ORDER BY q.id FOR UPDATE SKIP LOCKED"};
Sql<UuidArray, UuidArray> g_skipped{"SELECT q.id FROM ayb_jobs.job_queue AS q WHERE " AYB_WAITS
                                    " AND q.id <> ALL ($2)"};
#undef AYB_WAITS
// Whom each watches, and the highest one from there on that is still to come. Those above it have
// been passed: they had ended.
Sql<UuidArray> g_next{R"sql(
    SELECT c.id, w.parent, w.flow IS NOT NULL, coalesce(
        (SELECT e.parent FROM ayb_jobs.job_edges AS e
         WHERE e.child = c.id AND (w.parent IS NULL OR e.parent <= w.parent) AND e.flow IS NULL
            AND )sql" AYB_OPEN(AYB_STATE_OF("e.parent"), "e") R"sql(
         ORDER BY e.parent DESC LIMIT 1),
        (SELECT q.id FROM ayb_jobs.job_queue AS q
         WHERE q.flow = w.flow AND q.id <> c.id
            AND )sql" AYB_OPEN("q.state", "w") R"sql(
         ORDER BY q.flow DESC, q.id DESC LIMIT 1))
    FROM unnest($1) AS c (id)
    LEFT JOIN ayb_jobs.job_edges AS w ON w.child = c.id AND w.watched
)sql"};
// By whom they are canceled: of all their parents, or of those that have just ended.
#define AYB_BY_PARENT(which)                                                                       \
    "SELECT DISTINCT ON (e.child) e.child, e.parent, coalesce(" AYB_STATE_OF(                      \
        "e.parent") ", 'deleted') FROM ayb_jobs.job_edges AS e WHERE e.child = ANY ($1) "          \
                    "AND " which "e.flow IS NULL AND " AYB_BAD(AYB_STATE_OF("e.parent"),           \
                                                               "e.parent", "e.on_parent_failure")
#define AYB_BY_MEMBER(which)                                                                       \
    " UNION ALL SELECT e.child, q.id, q.state FROM ayb_jobs.job_edges AS e"                        \
    " JOIN ayb_jobs.job_queue AS q ON q.flow = e.flow AND q.id <> e.child AND q.state IN"          \
    " ('failed', 'canceled') WHERE e.child = ANY ($1) AND " which AYB_BAD(                         \
        "q.state", "q.id",                                                                         \
        "e.on_parent_failure") " UNION ALL SELECT e.child, o.job_id, o.state FROM "                \
                               "ayb_jobs.job_edges AS e"                                           \
                               " JOIN ayb_jobs.job_outcomes AS o ON o.flow = e.flow AND o.state "  \
                               "= 'deleted'"                                                       \
                               " WHERE e.child = ANY ($1) AND e.on_parent_failure <> 'run'"
Sql<UuidArray> g_bad_of_all{"(" AYB_BY_PARENT("") ")" AYB_BY_MEMBER("")};
Sql<UuidArray, UuidArray> g_bad_of_these{
    "(" AYB_BY_PARENT("e.parent = ANY ($2) AND ") ")" AYB_BY_MEMBER("q.id = ANY ($2) AND ")};
#undef AYB_BY_PARENT
#undef AYB_BY_MEMBER
#undef AYB_OPEN
#undef AYB_BAD
#undef AYB_DELETED
#undef AYB_STATE_OF

Sql<UuidArray, UuidArray> g_watch{R"sql(
    UPDATE ayb_jobs.job_edges AS e SET watched = e.parent = u.parent
    FROM unnest($1, $2) AS u (child, parent)
    WHERE e.child = u.child AND e.flow IS NULL AND (e.watched OR e.parent = u.parent)
)sql"};
Sql<UuidArray, UuidArray> g_watch_member{R"sql(
    UPDATE ayb_jobs.job_edges AS e SET parent = u.parent
    FROM unnest($1, $2) AS u (child, parent)
    WHERE e.child = u.child AND e.flow IS NOT NULL
)sql"};
Sql<UuidArray, At> g_release{R"sql(
    UPDATE ayb_jobs.job_queue AS q SET waits_for = NULL, updated_at = $2 WHERE q.id = ANY ($1)
)sql"};
Sql<UuidArray, At, UuidArray, TextArray> g_cancel{R"sql(
    UPDATE ayb_jobs.job_queue AS q
    SET state = 'canceled', canceled_at = $2, updated_at = $2,
        last_error = 'job ' || u.parent || ', for which it waited, '
            || CASE u.state WHEN 'failed' THEN 'failed' ELSE 'was ' || u.state END
    FROM unnest($1, $3, $4) AS u (id, parent, state)
    WHERE q.id = u.id
)sql"};

UuidArray array_of(const core::Uuid *ids, int count) {
    ArrayBuildState *column = new_column(UUIDOID);
    for (int i = 0; i < count; i++)
        add_value(column, uuid_datum(ids[i]));
    return UuidArray(whole_column(column));
}

UuidArray array_of(const Asked &asked) {
    ArrayBuildState *column = new_column(UUIDOID);
    for (const KinLook *look = asked.looks; look < asked.looks + asked.count; look++)
        add_value(column, uuid_datum(look->id));
    return UuidArray(whole_column(column));
}

// The first column of the last result.
Children read_children(uint64 rows, MemoryContext memory) {
    Children children{};
    children.ids =
        static_cast<core::Uuid *>(MemoryContextAllocHuge(memory, (rows + 1) * sizeof(core::Uuid)));
    for (uint64 row = 0; row < rows; row++)
        read_column(row, 1, &children.ids[children.count++]);
    return children;
}

// What a child waits for from now on.
struct Verdict {
    core::Uuid child;
    std::optional<core::Uuid> watched;
    bool star;
    std::optional<core::Uuid> next;
    bool canceled;
};

struct Verdicts {
    Verdict *each;
    int count;
};

Verdicts look_for_next(const Children &held) {
    Verdicts verdicts{};
    verdicts.each = static_cast<Verdict *>(palloc0((held.count + 1) * sizeof(Verdict)));
    const uint64 rows = g_next.run(array_of(held.ids, held.count));
    Assert(rows == static_cast<uint64>(held.count));
    for (uint64 row = 0; row < rows; row++) {
        Verdict &verdict = verdicts.each[verdicts.count++];
        read_row(row, &verdict.child, &verdict.watched, &verdict.star, &verdict.next);
    }
    return verdicts;
}

// Columns of a statement about some of them.
struct Columns {
    ArrayBuildState *children = new_column(UUIDOID);
    ArrayBuildState *parents = new_column(UUIDOID);
    ArrayBuildState *states = new_column(TEXTOID);
    int count = 0;

    void add(const core::Uuid &child) {
        add_value(children, uuid_datum(child));
        count++;
    }
    void add(const core::Uuid &child, const core::Uuid &parent) {
        add(child);
        add_value(parents, uuid_datum(parent));
    }
};

void cancel_these(uint64 rows, Verdicts *verdicts) {
    Columns canceled;
    for (uint64 row = 0; row < rows; row++) {
        core::Uuid child;
        core::Uuid parent;
        const char *state = nullptr;
        read_row(row, &child, &parent, &state);
        for (Verdict *verdict = verdicts->each; verdict < verdicts->each + verdicts->count;
             verdict++) {
            if (verdict->canceled || !(verdict->child == child))
                continue;
            verdict->canceled = true;
            canceled.add(child, parent);
            add_text(canceled.states, state);
        }
    }
    if (canceled.count > 0)
        g_cancel.run(UuidArray(whole_column(canceled.children)), At{clock_now()},
                     UuidArray(whole_column(canceled.parents)),
                     TextArray(whole_column(canceled.states)));
}

bool is_asked_by_all(const Asked &asked, const core::Uuid &child) {
    return std::any_of(asked.looks, asked.looks + asked.count,
                       [&child](const KinLook &look) { return look.by_all && look.id == child; });
}

// Those that have nobody to wait for any more are judged by all of their parents, once. Were the
// others, too, whenever their watch moves, many parents would be read as often as there are.
void cancel_some(Verdicts *verdicts, const Asked &asked) {
    Columns by_all;
    Columns by_these;
    for (int i = 0; i < verdicts->count; i++) {
        const Verdict &verdict = verdicts->each[i];
        (verdict.next && !is_asked_by_all(asked, verdict.child) ? by_these : by_all)
            .add(verdict.child);
    }
    if (by_all.count > 0)
        cancel_these(g_bad_of_all.run(UuidArray(whole_column(by_all.children))), verdicts);
    if (by_these.count > 0)
        cancel_these(
            g_bad_of_these.run(UuidArray(whole_column(by_these.children)), array_of(asked)),
            verdicts);
}

bool moves(const Verdict &verdict) {
    return !verdict.canceled && verdict.next &&
           !(verdict.watched && *verdict.watched == *verdict.next);
}

// Marked before the commit; and looked at once more after it.
void watch(const Verdicts &verdicts, bool star, Sql<UuidArray, UuidArray> *statement) {
    Columns moved;
    for (int i = 0; i < verdicts.count; i++) {
        const Verdict &verdict = verdicts.each[i];
        if (!moves(verdict) || verdict.star != star)
            continue;
        moved.add(verdict.child, *verdict.next);
        mark_kin(Kin::watched, *verdict.next);
        note_look({verdict.child, false});
    }
    if (moved.count > 0)
        statement->run(UuidArray(whole_column(moved.children)),
                       UuidArray(whole_column(moved.parents)));
}

void release(const Verdicts &verdicts) {
    Columns ready;
    for (int i = 0; i < verdicts.count; i++)
        if (!verdicts.each[i].canceled && !verdicts.each[i].next)
            ready.add(verdicts.each[i].child);
    if (ready.count > 0)
        g_release.run(UuidArray(whole_column(ready.children)), At{clock_now()});
}

} // namespace

Children children_of(const Asked &asked, MemoryContext memory) {
    return read_children(g_children.run(array_of(asked)), memory);
}

Children judge_children(const Children &children, const Asked &asked, MemoryContext memory) {
    const UuidArray wanted = array_of(children.ids, children.count);
    const Children held = read_children(g_lock.run(wanted), memory);
    Children skipped{};
    if (held.count < children.count)
        skipped = read_children(g_skipped.run(wanted, array_of(held.ids, held.count)), memory);
    if (held.count == 0)
        return skipped;
    Verdicts verdicts = look_for_next(held);
    cancel_some(&verdicts, asked);
    watch(verdicts, false, &g_watch);
    watch(verdicts, true, &g_watch_member);
    release(verdicts);
    return skipped;
}

} // namespace ayb
