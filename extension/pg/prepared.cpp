#include "pg/prepared.hpp"

#include "pg/books.hpp"

namespace ayb {

namespace {

Statement s_prepared{"SELECT ayb_jobs._has_prepared_transactions()", 0, {}, nullptr};

} // namespace

bool has_prepared_transactions() {
    if (max_prepared_xacts == 0)
        return false;
    bool null;
    const Books books = open_books();
    run_statement(s_prepared, Parameters());
    const bool found = DatumGetBool(column(0, 1, &null));
    close_books(books);
    return found;
}

} // namespace ayb
