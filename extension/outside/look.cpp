#include "outside/look.hpp"

#include "base/arguments.hpp"
#include "handlers/handlers.hpp"
#include "hooks/changes.hpp"
#include "memory/databases.hpp"
#include "memory/lanes.hpp"
#include "pg/arrays.hpp"
#include "pg/sql.hpp"

namespace ayb {

namespace {

// The first one of each type, due or not, locked or not.
Sql<TextArray, TimeArray, UuidArray> g_first{R"sql(
    SELECT min(t.n)::integer, first.run_at, first.id
    FROM unnest($1, $2, $3) WITH ORDINALITY AS t (type, run_at, id, n) LEFT JOIN LATERAL (
        SELECT q.run_at, q.id
        FROM ayb_jobs.job_queue AS q
        WHERE q.type = t.type AND q.state = 'queued' AND q.waits_for = 'external'
            AND (q.run_at, q.id) >= (t.run_at, t.id)
        ORDER BY q.run_at, q.id
        LIMIT 1
    ) AS first ON true
    GROUP BY t.type, first.run_at, first.id
    ORDER BY first.run_at NULLS LAST
)sql"};

struct Look {
    const char *type;
    LaneMark mark;
    Position from;
};

struct Looks {
    Look *looks;
    int count;
};

LaneKey lane_of(const char *type) { return LaneKey{MyDatabaseId, InvalidOid, type}; }

// A job enqueued while its type was forgotten, or registered for our workers, may still wait for
// one outside: until the scheduler has sent it the right way, nobody is given it.
bool may_hand_out(const char *type) {
    const Handler *handler = find_handler(type);
    return handler != nullptr && handler->kind == Kind::external && !is_paused(type);
}

Looks begin_looks(Datum types) {
    Datum *names;
    int count;
    deconstruct_array(DatumGetArrayTypeP(types), TEXTOID, -1, false, TYPALIGN_INT, &names, nullptr,
                      &count);
    Looks looks{static_cast<Look *>(palloc((count + 1) * sizeof(Look))), 0};
    // Without a scheduler nobody would lower a floor after a commit that goes unheard.
    const bool kept = find_served(MyDatabaseId) != nullptr;
    for (int i = 0; i < count; i++) {
        const char *type = TextDatumGetCString(names[i]);
        if (!may_hand_out(type))
            continue;
        const LaneMark mark = kept ? open_outside_lane(lane_of(type)) : LaneMark{kBegin, 0};
        const Position own = own_first(type);
        looks.looks[looks.count++] = Look{type, mark, own < mark.at ? own : mark.at};
    }
    return looks;
}

uint64 look_for_first(const Looks &looks) {
    ArrayBuildState *types = new_column(TEXTOID);
    ArrayBuildState *times = new_column(TIMESTAMPTZOID);
    ArrayBuildState *ids = new_column(UUIDOID);
    for (int i = 0; i < looks.count; i++) {
        add_text(types, looks.looks[i].type);
        add_value(times, TimestampTzGetDatum(looks.looks[i].from.run_at));
        add_value(ids, uuid_datum(looks.looks[i].from.id));
    }
    return g_first.run(TextArray(whole_column(types)), TimeArray(whole_column(times)),
                       UuidArray(whole_column(ids)));
}

// Whoever has changed something would take its own changes, which may be rolled back, for facts;
// and an old snapshot does not show what was committed before the mark.
bool may_raise() {
    return !IsolationUsesXactSnapshot() && !TransactionIdIsValid(GetTopTransactionIdIfAny());
}

} // namespace

DueType *due_external_types(Datum types, TimestampTz now, int *count) {
    const Looks looks = begin_looks(types);
    const bool raise = may_raise();
    auto *due = static_cast<DueType *>(palloc((looks.count + 1) * sizeof(DueType)));
    *count = 0;
    const uint64 rows = looks.count > 0 ? look_for_first(looks) : 0;
    for (uint64 row = 0; row < rows; row++) {
        int number = 0;
        Position first = kEnd;
        read_row(row, &number, &first.run_at, &first.id);
        const Look &look = looks.looks[number - 1];
        const Position from =
            raise ? raise_lane_floor(lane_of(look.type), look.mark, first) : look.from;
        if (first.run_at <= now)
            due[(*count)++] = DueType{look.type, from};
    }
    return due;
}

} // namespace ayb
