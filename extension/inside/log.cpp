// add_log() in a handler.
#include "inside/log.hpp"

#include "base/arguments.hpp"
#include "pg/clock.hpp"
#include "pg/text.hpp"

extern "C" {
#include "utils/datetime.h"
#include "utils/json.h"
}

namespace ayb {

namespace {

struct Line {
    TimestampTz at;
    char *message;
    char level[8];
    int bytes; // of the message
};

// A ring. Its memory is there from the first line on that a session says.
struct Log {
    MemoryContext memory;
    Line *lines;
    int first;
    int count;
    Size bytes;
};
Log g_log;

constexpr const char *kLevels[] = {"debug", "info", "warning", "error"};

void make_log() {
    if (g_log.lines != nullptr)
        return;
    g_log.memory = AllocSetContextCreate(TopMemoryContext, "ayb_jobs log", ALLOCSET_SMALL_SIZES);
    g_log.lines =
        static_cast<Line *>(MemoryContextAlloc(TopMemoryContext, kLogLines * sizeof(Line)));
}

Line *line_at(int number) { return &g_log.lines[(g_log.first + number) % kLogLines]; }

void drop_first() {
    Line *line = line_at(0);
    g_log.bytes -= line->bytes;
    pfree(line->message);
    g_log.first = (g_log.first + 1) % kLogLines;
    g_log.count--;
}

void add_line(const LogLine &said) {
    const int bytes = static_cast<int>(strlen(said.message));
    char *message = MemoryContextStrdup(g_log.memory, said.message);
    while (g_log.count == kLogLines || g_log.bytes + bytes > kLogBytes)
        drop_first();
    Line *line = line_at(g_log.count++);
    line->at = clock_now();
    line->message = message;
    line->bytes = bytes;
    strlcpy(line->level, said.level, sizeof(line->level));
    g_log.bytes += bytes;
}

void write_line(StringInfo text, const Line &line) {
    char at[MAXDATELEN + 1];
    JsonEncodeDateTime(at, TimestampTzGetDatum(line.at), TIMESTAMPTZOID, nullptr);
    appendStringInfo(text, "%s{\"at\": \"%s\", \"level\": \"%s\", \"message\": ",
                     text->len > 1 ? "," : "", at, line.level);
    escape_json(text, line.message);
    appendStringInfoChar(text, '}');
}

bool is_level(const char *word) {
    for (const char *level : kLevels)
        if (strcmp(level, word) == 0)
            return true;
    return false;
}

} // namespace

void forget_log() {
    if (g_log.count == 0)
        return;
    MemoryContextReset(g_log.memory);
    g_log.first = g_log.count = 0;
    g_log.bytes = 0;
}

Datum said_log(MemoryContext context, Size *bytes) {
    if (g_log.count == 0)
        return 0;
    MemoryContext before = MemoryContextSwitchTo(context);
    StringInfoData text;
    initStringInfo(&text);
    appendStringInfoChar(&text, '[');
    for (int i = 0; i < g_log.count; i++)
        write_line(&text, *line_at(i));
    appendStringInfoChar(&text, ']');
    const Datum log = DirectFunctionCall1(jsonb_in, CStringGetDatum(text.data));
    pfree(text.data);
    MemoryContextSwitchTo(before);
    *bytes += VARSIZE(DatumGetPointer(log));
    return log;
}

LogLine log_arguments(FunctionCallInfo fcinfo, int message) {
    require_argument(fcinfo, message, "message");
    require_argument(fcinfo, message + 1, "level");
    const char *text = text_argument(fcinfo, message);
    const char *level = text_argument(fcinfo, message + 1);
    if (!is_level(level))
        ereport(ERROR,
                (errcode(ERRCODE_INVALID_PARAMETER_VALUE), errmsg("unknown level \"%s\"", level),
                 err_generic_string(PG_DIAG_COLUMN_NAME, "level"),
                 errhint("It is debug, info, warning or error.")));
    return {pnstrdup(text, clipped_bytes(text, kLogMessageBytes - 1)), level};
}

} // namespace ayb

using namespace ayb;

// add_log(message, level) → void
AYB_SQL_FUNCTION(ayb_jobs_add_log) {
    const LogLine said = log_arguments(fcinfo, 0);
    job_of_handler("add_log()", "A worker outside passes the job: ayb_jobs.add_log(id, worker_id, "
                                "attempt, message).");
    make_log();
    add_line(said);
    PG_RETURN_VOID();
}
