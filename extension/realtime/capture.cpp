// The triggers on enabled tables.
#include "realtime/image.hpp"
#include "realtime/notes.hpp"
#include "realtime/still.hpp"

namespace ayb {

namespace {

const TriggerData *trigger_call(FunctionCallInfo fcinfo) {
    if (!CALLED_AS_TRIGGER(fcinfo))
        ereport(ERROR, (errcode(ERRCODE_E_R_I_E_TRIGGER_PROTOCOL_VIOLATED),
                        errmsg("it is called by the triggers of ayb_jobs.enable_realtime() only")));
    return reinterpret_cast<const TriggerData *>(fcinfo->context);
}

// The parts of an event one behind the other, each where a row may begin.
struct Parts {
    StringInfoData bytes;

    Parts() { initStringInfo(&bytes); }
    uint32 add(const void *part, uint32 length) {
        appendBinaryStringInfo(&bytes, static_cast<const char *>(part), static_cast<int>(length));
        const auto padding = static_cast<uint32>(MAXALIGN(length) - length);
        appendBinaryStringInfo(&bytes, "\0\0\0\0\0\0\0", static_cast<int>(padding));
        return length + padding;
    }
    uint32 add_row(HeapTuple row) { return row != nullptr ? add(row->t_data, row->t_len) : 0; }
};

void note(const Published &table, const FeedEvent &event, const Parts &parts) {
    note_row(table.table, table.feed, event, parts.bytes.data);
}

void note_insert(const Published &table, HeapTuple row) {
    FeedEvent event{};
    event.op = FeedOp::insert;
    event.stamp = table.stamp;
    Parts parts;
    event.key = parts.add_row(key_image(table, row));
    note(table, event, parts);
}

// An update that changes nothing tells nothing.
void note_update(const Published &table, HeapTuple old_row, HeapTuple new_row) {
    const Changed changed = changed_columns(table, old_row, new_row);
    if (!changed.any)
        return;
    FeedEvent event{};
    event.op = FeedOp::update;
    event.stamp = table.stamp;
    event.moved = changed.key;
    Parts parts;
    event.changed = parts.add(changed.bits, changed.bytes);
    event.key = parts.add_row(key_image(table, new_row));
    event.old = parts.add_row(whole_image(table, old_row));
    note(table, event, parts);
}

// Of a row that was too large nobody can say who saw it.
void note_delete(const Published &table, HeapTuple row) {
    HeapTuple whole = whole_image(table, row);
    if (whole == nullptr)
        return;
    FeedEvent event{};
    event.op = FeedOp::remove;
    event.stamp = table.stamp;
    Parts parts;
    event.old = parts.add_row(whole);
    note(table, event, parts);
}

void note_change(const Published &table, const TriggerData *data) {
    HeapTuple row = as_published(table, data->tg_trigtuple);
    if (table.key_count == 0)
        note_resync(table.table, Resync::definition);
    else if (TRIGGER_FIRED_BY_INSERT(data->tg_event))
        note_insert(table, row);
    else if (TRIGGER_FIRED_BY_DELETE(data->tg_event))
        note_delete(table, row);
    else
        note_update(table, row, as_published(table, data->tg_newtuple));
}

MemoryContext row_memory() {
    static MemoryContext memory;
    if (memory == nullptr)
        memory = AllocSetContextCreate(TopMemoryContext, "ayb_jobs captured row",
                                       ALLOCSET_DEFAULT_SIZES);
    return memory;
}

void capture(const TriggerData *data) {
    Published *table = published(data->tg_relation, data->tg_trigger);
    if (table == nullptr) {
        note_unknown_table();
        return;
    }
    if (!is_heard(table)) {
        note_unheard(table->table);
        if (data->tg_trigger->tgisclone)
            still(data->tg_relation, data->tg_trigger->tgoid, table->table);
        return;
    }
    MemoryContext before = MemoryContextSwitchTo(row_memory());
    note_change(*table, data);
    MemoryContextSwitchTo(before);
    MemoryContextReset(row_memory());
}

} // namespace

} // namespace ayb

using namespace ayb;

AYB_SQL_FUNCTION(ayb_jobs_note_row) {
    const TriggerData *data = trigger_call(fcinfo);
    if (preloaded())
        capture(data);
    return PointerGetDatum(nullptr);
}

AYB_SQL_FUNCTION(ayb_jobs_note_truncated) {
    const TriggerData *data = trigger_call(fcinfo);
    if (preloaded())
        note_resync(RelationGetRelid(data->tg_relation), Resync::truncated);
    return PointerGetDatum(nullptr);
}
