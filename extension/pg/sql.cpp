#include "pg/sql.hpp"

namespace ayb {

namespace {

// An error's context and the log have a statement on one line, however it is written here: the ends
// of lines, and what they are indented by, become one space.
const char *one_line(const char *sql) {
    char *text = static_cast<char *>(palloc(strlen(sql) + 1));
    char *end = text;
    while (*sql != '\0') {
        const size_t gap = *sql == '\n' ? 1 + strspn(sql + 1, " \n") : 0;
        const bool inside = end != text && sql[gap] != '\0';
        if (gap == 0)
            *end++ = *sql++;
        else if (inside)
            *end++ = ' ';
        sql += gap;
    }
    *end = '\0';
    return text;
}

void prepare(Prepared *statement, const Oid *types, int count) {
    SPIPlanPtr plan = SPI_prepare(one_line(statement->sql), count, const_cast<Oid *>(types));
    if (plan == nullptr || SPI_keepplan(plan) != 0)
        elog(ERROR, "could not prepare a statement: %s", SPI_result_code_string(SPI_result));
    statement->plan = plan;
}

uint64 rows_of(int result) {
    if (result < 0)
        elog(ERROR, "could not run a statement: %s", SPI_result_code_string(result));
    return SPI_processed;
}

// The value, unless it is NULL.
std::optional<Datum> value_at(uint64 row, int number) {
    bool null;
    const Datum value =
        SPI_getbinval(SPI_tuptable->vals[row], SPI_tuptable->tupdesc, number, &null);
    if (null)
        return std::nullopt;
    return value;
}

// The same, of a column that must be of one of two types.
std::optional<Datum> value_at(uint64 row, int number, Oid type, Oid or_type) {
    const Oid found = SPI_gettypeid(SPI_tuptable->tupdesc, number);
    if (found != type && found != or_type)
        elog(ERROR, "column %d is of type %s", number, format_type_be(found));
    return value_at(row, number);
}

std::optional<Datum> value_at(uint64 row, int number, Oid type) {
    return value_at(row, number, type, type);
}

} // namespace

uint64 run_prepared(Prepared *statement, const Oid *types, int count, const Datum *values,
                    const char *nulls, bool only_first) {
    if (statement->planning == Plan::of_values)
        return rows_of(SPI_execute_with_args(one_line(statement->sql), count,
                                             const_cast<Oid *>(types), const_cast<Datum *>(values),
                                             nulls, false, only_first ? 1 : 0));
    if (statement->plan == nullptr)
        prepare(statement, types, count);
    return rows_of(SPI_execute_plan(statement->plan, const_cast<Datum *>(values), nulls, false,
                                    only_first ? 1 : 0));
}

uint64 run_text(const char *sql) { return rows_of(SPI_execute(sql, false, 0)); }

void run_own_ddl(const char *sql) {
    auto *raw = linitial_node(RawStmt, raw_parser(sql, RAW_PARSE_DEFAULT));
    auto *planned = makeNode(PlannedStmt);
    planned->commandType = CMD_UTILITY;
    planned->utilityStmt = raw->stmt;
    planned->stmt_location = raw->stmt_location;
    planned->stmt_len = raw->stmt_len;
    ProcessUtility(planned, sql, false, PROCESS_UTILITY_SUBCOMMAND, nullptr, nullptr, None_Receiver,
                   nullptr);
    CommandCounterIncrement();
}

void read_column(uint64 row, int number, bool *value) {
    if (const auto found = value_at(row, number, BOOLOID))
        *value = DatumGetBool(*found);
}

void read_column(uint64 row, int number, int *value) {
    if (const auto found = value_at(row, number, INT4OID))
        *value = DatumGetInt32(*found);
}

void read_column(uint64 row, int number, int16 *value) {
    if (const auto found = value_at(row, number, INT2OID))
        *value = DatumGetInt16(*found);
}

void read_column(uint64 row, int number, int64 *value) {
    if (const auto found = value_at(row, number, INT8OID, TIMESTAMPTZOID))
        *value = DatumGetInt64(*found);
}

void read_column(uint64 row, int number, Oid *value) {
    if (const auto found = value_at(row, number, OIDOID))
        *value = DatumGetObjectId(*found);
}

void read_column(uint64 row, int number, core::Uuid *value) {
    if (const auto found = value_at(row, number, UUIDOID))
        memcpy(value, DatumGetPointer(*found), sizeof(*value));
}

void read_column(uint64 row, int number, NameData *value) {
    if (const auto found = value_at(row, number, NAMEOID))
        *value = *DatumGetName(*found);
}

void read_column(uint64 row, int number, const char **value) {
    if (const auto found = value_at(row, number, TEXTOID))
        *value = TextDatumGetCString(*found);
}

void read_column(uint64 row, int number, char *value, Size size) {
    const char *text = nullptr;
    read_column(row, number, &text);
    if (text != nullptr)
        strlcpy(value, text, size);
}

void read_column(uint64 row, int number, Datum *value) {
    if (const auto found = value_at(row, number))
        *value = *found;
}

bool is_null(uint64 row, int number) { return !value_at(row, number); }

void report_word(const char *word) { elog(ERROR, "unknown word \"%s\"", word); }

} // namespace ayb
