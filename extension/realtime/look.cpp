#include "realtime/look.hpp"

#include "pg/asking.hpp"
#include "pg/tuples.hpp"
#include "realtime/image.hpp"

namespace ayb {

namespace {

// The one value of the one row; nothing where there is no row.
std::optional<Datum> ask(const Look &look, const char *sql, int count, Oid *types, Datum *values) {
    restore_settings(*look.subscriber);
    return ask_for_one(sql, count, types, values, look.memory);
}

// The record of the row with this key, as the subscriber sees it now.
std::optional<Datum> read_now(const Look &look, const Listened &table, const char *bytes,
                              uint32 length) {
    HeapTupleData key = row_of_bytes(bytes, length);
    Datum values[INDEX_MAX_KEYS];
    Oid types[INDEX_MAX_KEYS];
    for (int i = 0; i < table.key_count; i++) {
        values[i] = value_of(&key, table.shape, table.keys[i]);
        types[i] = TupleDescAttr(table.shape, table.keys[i] - 1)->atttypid;
    }
    return ask(look, table.read, table.key_count, types, values);
}

// The key of a row that is gone, where the policies let it be seen.
std::optional<Datum> judge(const Look &look, Listened *table, const char *bytes, uint32 length) {
    if (length == 0)
        return std::nullopt;
    HeapTupleData row = row_of_bytes(bytes, length);
    Datum whole = as_value(&row, table->shape);
    const Oid type = table->relation->rd_rel->reltype;
    ArrayType *rows = construct_array(&whole, 1, type, -1, false, TYPALIGN_DOUBLE);
    Oid types[] = {get_array_type(type)};
    Datum values[] = {PointerGetDatum(rows)};
    return ask(look, table->judge, 1, types, values);
}

void tell(Look *look, const FeedItem &item, Told what, Datum record) {
    look->tellings[look->count++] = {what,    item.feed,      record,
                                     nullptr, item.event.seq, item.event.at};
}

void tell_resync(Look *look, const FeedItem &item, const char *reason) {
    look->tellings[look->count++] = {Told::resync, item.feed,      0,
                                     reason,       item.event.seq, GetCurrentTimestamp()};
}

// Whether one of the columns was changed.
bool any_changed(const FeedItem &item, const Listened &table, const Bitmapset *columns,
                 int offset) {
    const auto *bits = reinterpret_cast<const uint8 *>(item.bytes);
    for (int i = -1; (i = bms_next_member(columns, i)) >= 0;) {
        const int column = i + offset;
        if (column == 0)
            return true; // the row as a whole
        if (column > 0 && column <= table.shape->natts && is_changed(bits, column))
            return true;
    }
    return false;
}

void look_at_update(Look *look, Listened *table, const FeedItem &item) {
    const FeedEvent &event = item.event;
    const char *key = item.bytes + event.changed;
    const char *old = key + event.key;
    const auto now = read_now(*look, *table, key, event.key);
    const bool decided =
        event.moved || table->all_decide ||
        any_changed(item, *table, table->decides, FirstLowInvalidHeapAttributeNumber);
    std::optional<Datum> before;
    if (decided && event.old > 0)
        before = judge(*look, table, old, event.old);
    const bool seen = !decided || event.old == 0 || before.has_value();
    if (before && (event.moved || !now))
        tell(look, item, Told::deleted, *before);
    if (now && (event.moved || !seen))
        tell(look, item, Told::created, *now);
    else if (now && any_changed(item, *table, table->sent, 0))
        tell(look, item, Told::updated, *now);
}

void look_at_event(Look *look, Listened *table, const FeedItem &item) {
    switch (item.event.op) {
    case FeedOp::insert:
        if (const auto now = read_now(*look, *table, item.bytes, item.event.key))
            tell(look, item, Told::created, *now);
        break;
    case FeedOp::update:
        look_at_update(look, table, item);
        break;
    case FeedOp::remove:
        if (const auto gone = judge(*look, table, item.bytes, item.event.old))
            tell(look, item, Told::deleted, *gone);
        break;
    }
}

const char *word_of(Resync why) {
    switch (why) {
    case Resync::lost:
        return "lost";
    case Resync::overflow:
        return "overflow";
    case Resync::truncated:
        return "truncated";
    case Resync::definition:
        return "definition";
    default:
        return "prepared";
    }
}

void look_at(Look *look, const FeedItem &item) {
    Listened *table = &look->tables[item.feed];
    if (item.resync)
        tell_resync(look, item, word_of(item.why));
    else if (item.event.stamp != table->definition.stamp)
        tell_resync(look, item, word_of(Resync::definition)); // it was another table then
    else
        look_at_event(look, table, item);
}

struct Batch {
    Look *look;
    int first;
    int count;
};

void look_at_batch(void *context) {
    const auto *batch = static_cast<const Batch *>(context);
    for (int i = 0; i < batch->count; i++)
        look_at(batch->look, batch->look->items[batch->first + i]);
}

// What fails hides one event and no other: a batch that fails is halved until it is alone. Not
// where it failed for a lock.
void look_at_range(Look *look, int first, int count) {
    if (count == 0)
        return;
    const int told = look->count;
    Batch batch{look, first, count};
    const ErrorData *error = as_subscriber(*look->subscriber, look_at_batch, &batch);
    if (error == nullptr)
        return;
    look->count = told;
    if (count > 1) {
        look_at_range(look, first, count / 2);
        look_at_range(look, first + count / 2, count - count / 2);
    } else if (error->sqlerrcode == ERRCODE_LOCK_NOT_AVAILABLE) {
        tell_resync(look, look->items[first], word_of(Resync::lost));
    }
}

bool is_judged(const FeedItem &item) { return !item.resync && item.event.op != FeedOp::insert; }

} // namespace

void look_at_items(Look *look) {
    for (int i = 0; i < look->item_count; i++)
        if (is_judged(look->items[i]))
            prepare_to_judge(&look->tables[look->items[i].feed], look->subscriber->role);
    look_at_range(look, 0, look->item_count);
}

} // namespace ayb
