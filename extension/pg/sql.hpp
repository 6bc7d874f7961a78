#pragma once
// SQL whose parameters and columns have the types of C++.
//
//   Sql<Oid, At> g_due{R"sql(
//       SELECT q.id, q.type FROM ayb_jobs.job_queue AS q WHERE q.run_as = $1 AND q.run_at <= $2
//   )sql"};
//
//   const uint64 rows = g_due.run(role, At{now});
//   read_row(0, &job.id, &job.type);
//
// A text that numbers other parameters than its types doesn't compile. Declare statements at
// namespace scope; the plan is made once per process, at the first run. Run them inside the books
// (pg/books.hpp), or as_caller().
#include <optional>

#include "core/uuid7.hpp"
#include "core/words.hpp"
#include "pg/books.hpp"

namespace ayb {

// A timestamptz among the parameters.
struct At {
    TimestampTz at;
};

// What is a datum of the type already.
template <Oid kOid> struct Raw {
    Datum datum;

    explicit Raw(Datum value) : datum(value) {}
    explicit Raw(const void *value) : datum(PointerGetDatum(value)) {}
};
using Json = Raw<JSONBOID>;
using Span = Raw<INTERVALOID>;
using BigintArray = Raw<INT8ARRAYOID>;
using IntArray = Raw<INT4ARRAYOID>;
using JsonArray = Raw<JSONBARRAYOID>;
using OidArray = Raw<OIDARRAYOID>;
using SpanArray = Raw<INTERVALARRAYOID>;
using TextArray = Raw<TEXTARRAYOID>;
using TimeArray = Raw<TIMESTAMPTZARRAYOID>;
using UuidArray = Raw<UUIDARRAYOID>;

// How a type of C++ stands in SQL: its type there; its value as a datum, NULL where `*null` is set;
// and back. A datum may point into `value`.
template <typename T, typename = void> struct SqlType;

#define AYB_SQL_TYPE(type, oid, to_datum, from_datum)                                              \
    template <> struct SqlType<type> {                                                             \
        static constexpr Oid kOid = oid;                                                           \
        static Datum datum(const type &value, bool * /*null*/) { return to_datum(value); }         \
        static type value(Datum datum) { return from_datum(datum); }                               \
    }
AYB_SQL_TYPE(bool, BOOLOID, BoolGetDatum, DatumGetBool);
AYB_SQL_TYPE(int, INT4OID, Int32GetDatum, DatumGetInt32);
AYB_SQL_TYPE(int64, INT8OID, Int64GetDatum, DatumGetInt64);
AYB_SQL_TYPE(Oid, OIDOID, ObjectIdGetDatum, DatumGetObjectId);
#undef AYB_SQL_TYPE

template <> struct SqlType<At> {
    static constexpr Oid kOid = TIMESTAMPTZOID;
    static Datum datum(At value, bool * /*null*/) { return TimestampTzGetDatum(value.at); }
    static At value(Datum datum) { return At{DatumGetTimestampTz(datum)}; }
};
template <> struct SqlType<core::Uuid> {
    static constexpr Oid kOid = UUIDOID;
    static Datum datum(const core::Uuid &value, bool * /*null*/) { return PointerGetDatum(&value); }
};
template <> struct SqlType<const char *> { // null is NULL
    static constexpr Oid kOid = TEXTOID;
    static Datum datum(const char *value, bool *null) {
        *null = value == nullptr;
        return *null ? 0 : CStringGetTextDatum(value);
    }
};
template <Oid kOidOfIt> struct SqlType<Raw<kOidOfIt>> {
    static constexpr Oid kOid = kOidOfIt;
    static Datum datum(Raw<kOidOfIt> value, bool * /*null*/) { return value.datum; }
    static Raw<kOidOfIt> value(Datum datum) { return Raw<kOidOfIt>(datum); }
};
template <typename T> struct SqlType<std::optional<T>> {
    static constexpr Oid kOid = SqlType<T>::kOid;
    static Datum datum(const std::optional<T> &value, bool *null) {
        *null = !value;
        return value ? SqlType<T>::datum(*value, null) : 0;
    }
};
template <typename T> struct SqlType<T, std::enable_if_t<std::is_enum_v<T>>> {
    static constexpr Oid kOid = TEXTOID;
    static Datum datum(T value, bool *null) {
        return SqlType<const char *>::datum(core::word_of(value), null);
    }
};

// An argument of a function that SQL calls; nothing for NULL.
template <typename T> std::optional<T> optional_argument(FunctionCallInfo fcinfo, int number) {
    if (PG_ARGISNULL(number))
        return std::nullopt;
    return SqlType<T>::value(PG_GETARG_DATUM(number));
}

// Never defined: a statement that calls it is not constant, and doesn't compile.
[[gnu::error("the SQL numbers other parameters than its types")]] void parameters_differ();

// The highest n of the $n in a text.
constexpr int parameters_in(const char *sql) noexcept {
    int highest = 0;
    for (; *sql != '\0'; sql++) {
        if (*sql != '$')
            continue;
        int number = 0;
        for (const char *digit = sql + 1; *digit >= '0' && *digit <= '9'; digit++)
            number = number * 10 + (*digit - '0');
        if (number > highest)
            highest = number;
    }
    return highest;
}

// Whether a statement's plan is kept for all values, or made for those of each run: such a one
// opens, and locks, none of the partitions that its values exclude.
enum class Plan { kept, of_values };

// A text, and the plan that this process has made of it, if that is kept.
struct Prepared {
    const char *sql;
    Plan planning;
    SPIPlanPtr plan;
};

uint64 run_prepared(Prepared *statement, const Oid *types, int count, const Datum *values,
                    const char *nulls, bool only_first);

template <typename... Parameters> class Sql {
  public:
    constexpr explicit Sql(const char *sql, Plan planning = Plan::kept) noexcept
        : statement_{sql, planning, nullptr} {
        if (parameters_in(sql) != kCount)
            parameters_differ();
    }

    // Raises what the statement raises. Returns the number of rows.
    uint64 run(const Parameters &...parameters) { return run_it(false, parameters...); }

    // Whether there is a row. The query is run no further than to its first.
    bool first(const Parameters &...parameters) { return run_it(true, parameters...) > 0; }

  private:
    static constexpr int kCount = sizeof...(Parameters);
    static constexpr Oid kTypes[] = {SqlType<Parameters>::kOid..., InvalidOid};

    uint64 run_it(bool only_first, const Parameters &...parameters) {
        bool null[kCount + 1] = {};
        int i = 0;
        const Datum values[] = {SqlType<Parameters>::datum(parameters, &null[i++])..., 0};
        char nulls[kCount + 1] = {};
        for (i = 0; i < kCount; i++)
            nulls[i] = null[i] ? 'n' : ' ';
        return run_prepared(&statement_, kTypes, kCount, values, nulls, only_first);
    }

    Prepared statement_;
};

// Runs text once, for what can't be prepared.
uint64 run_text(const char *sql);

// Runs one statement of the engine's own DDL as a part of another one, so that no event trigger
// fires: one that logs or forbids DDL must not keep the engine from its tables.
void run_own_ddl(const char *sql);

// Reads column `number` of row `row` of the last result, which must have the type of `*value`. NULL
// leaves `*value` as it was. Whatever lies in memory of its own lives until the books are closed.
void read_column(uint64 row, int number, bool *value);
void read_column(uint64 row, int number, int16 *value);
void read_column(uint64 row, int number, int *value);
void read_column(uint64 row, int number, int64 *value); // a bigint or a timestamptz
void read_column(uint64 row, int number, Oid *value);
void read_column(uint64 row, int number, core::Uuid *value);
void read_column(uint64 row, int number, NameData *value);
void read_column(uint64 row, int number, const char **value);
void read_column(uint64 row, int number, char *value, Size size); // clipped
void read_column(uint64 row, int number, Datum *value);           // of any type
bool is_null(uint64 row, int number);
[[noreturn]] void report_word(const char *word);

template <Size kSize> void read_column(uint64 row, int number, char (*value)[kSize]) {
    read_column(row, number, *value, kSize);
}
template <typename Enum>
std::enable_if_t<std::is_enum_v<Enum>> read_column(uint64 row, int number, Enum *value) {
    const char *word = nullptr;
    read_column(row, number, &word);
    if (word != nullptr && !core::find_word(word, value))
        report_word(word);
}

template <typename T> void read_column(uint64 row, int number, std::optional<T> *value) {
    if (is_null(row, number))
        return;
    T found{};
    read_column(row, number, &found);
    *value = found;
}

// Reads a row from its first column on.
template <typename... Values> void read_row(uint64 row, Values *...values) {
    int number = 0;
    (read_column(row, ++number, values), ...);
}

} // namespace ayb
