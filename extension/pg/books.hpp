#pragma once
// Keeping the books: SQL on the engine's own tables, as the extension's owner.
//
// Between open_books() and close_books() the process is the extension's owner with a search_path of
// pg_catalog alone, and SPI is connected. Nothing of a user's may run in between. On an error the
// transaction's (or subtransaction's) abort undoes all of it. A commit must never come in between:
// it would fire the user's deferred triggers as the owner.
#include "pg/transaction.hpp"

namespace ayb {

struct Books {
    Oid user;
    int context;
    int guc_level;
};

// Raises what require_extension() raises.
Books open_books();

// For the install script, which runs whatever release it installs: `owner` as by extension_owner().
Books open_books_as(Oid owner);
void close_books(const Books &books);
void connect_spi();

// Sets a parameter until the books are closed, without an access check: the role may be anyone.
void set_locally(const char *name, const char *value);

// Runs `work` with the books open, and gives back what it gives. An error leaves by longjmp, and
// the abort closes the books: as everywhere, nothing with a destructor is alive then.
template <typename Work> auto in_books(const Work &work) {
    const Books books = open_books();
    if constexpr (std::is_void_v<decltype(work())>) {
        work();
        close_books(books);
    } else {
        const auto result = work();
        close_books(books);
        return result;
    }
}

// The same in a transaction of its own.
template <typename Work> auto in_own_books(const Work &work) {
    return in_transaction([&work] { return in_books(work); });
}

// Runs `work` with SPI connected, but as whoever calls, with their rights and settings.
template <typename Work> void as_caller(const Work &work) {
    connect_spi();
    work();
    SPI_finish();
}

constexpr int kMaxParameters = 16;

// A statement prepared once a process. Declare it static, at namespace scope or in a function.
struct Statement {
    const char *sql;
    int count;
    Oid types[kMaxParameters];
    SPIPlanPtr plan;
};

// Parameters of one run: set(1, …) is $1; unset ones are NULL.
class Parameters {
  public:
    Parameters() { memset(nulls_, 'n', kMaxParameters); }

    Parameters &set(int number, Datum value) {
        values_[number - 1] = value;
        nulls_[number - 1] = ' ';
        return *this;
    }
    Parameters &set_text(int number, const char *value) {
        return value == nullptr ? *this : set(number, CStringGetTextDatum(value));
    }
    Parameters &set_time(int number, TimestampTz value) {
        return set(number, TimestampTzGetDatum(value));
    }

    const Datum *values() const { return values_; }
    const char *nulls() const { return nulls_; }

  private:
    Datum values_[kMaxParameters] = {};
    char nulls_[kMaxParameters];
};

// Runs the statement inside open books; SPI_tuptable and SPI_processed hold what it gave. Raises
// what it raises. Returns the number of rows. `limit` 0 is none.
uint64 run_statement(Statement &statement, const Parameters &parameters, int64 limit = 0);

// A column of row `row` of the last result; `*null` is set. Pass-by-reference values live until the
// books are closed.
Datum column(uint64 row, int number, bool *null);
const char *text_column(uint64 row, int number); // null for NULL
int64 int_column(uint64 row, int number);
TimestampTz time_column(uint64 row, int number, TimestampTz otherwise);
Oid oid_column(uint64 row, int number);

} // namespace ayb
